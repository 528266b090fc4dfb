using Spectre.Console;

namespace Afina.Cli.Display;

/// <summary>A line that is drawn anew, with a bar before it where there is room.</summary>
internal static class Bar
{
    private const int Widest = 30;
    private const int Narrowest = 6;

    /// <summary>Markup that leaves the last column free, since some terminals go on to the next line there.</summary>
    public static string Before(string line, double share, int columns)
    {
        var width = Math.Clamp(columns - line.Length - 4, 0, Widest);
        if (width < Narrowest)
            return Markup.Escape(line.Length < columns ? line : line[..Math.Max(columns - 1, 0)]);
        var full = (int)(Math.Clamp(share, 0, 1) * width);
        return $"  [green]{new string('━', full)}[/][grey]{new string('━', width - full)}[/]{Markup.Escape(line)}";
    }
}
