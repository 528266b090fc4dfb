namespace Afina.Cli.Display;

/// <summary>Breaks a line between words where the terminal is too narrow for it.</summary>
internal static class Wrapping
{
    private const int Narrowest = 20;

    /// <summary>The line in pieces of at most <paramref name="width"/> columns. What follows is set under the line's last column (after a gap
    /// of two spaces or more) that leaves room for it, so that "  name   words" stays a table.</summary>
    public static IEnumerable<string> Lines(string text, int width)
    {
        var most = Math.Max(width, Narrowest);
        if (text.Length <= most)
            return [text];
        var lines = new List<string>();
        var indent = new string(' ', Indent(text, most));
        var rest = text;
        while (rest.Length > most)
        {
            var at = rest.LastIndexOf(' ', most);
            var words = rest.AsSpan(0, Math.Max(at, 0)).Trim().Length > 0 && at > indent.Length;
            lines.Add((words ? rest[..at] : rest[..most]).TrimEnd());
            rest = indent + (words ? rest[at..] : rest[most..]).TrimStart();
        }

        lines.Add(rest);
        return lines;
    }

    private static int Indent(string text, int width)
    {
        var first = text.Length - text.TrimStart().Length;
        var best = Math.Min(first + 2, width / 2);
        for (var gap = text.IndexOf("  ", first, StringComparison.Ordinal); gap >= 0; gap = text.IndexOf("  ", best, StringComparison.Ordinal))
        {
            var column = gap + text.AsSpan(gap).IndexOfAnyExcept(' ');
            if (column > width * 6 / 10 || column <= best)
                break;
            best = column;
        }

        return best;
    }
}
