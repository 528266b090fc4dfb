namespace Afina.Text.Tokenizers.Patterns;

/// <summary>A pattern of a tokenizer file: a literal string, or a regular expression with Oniguruma's meaning.</summary>
internal sealed class Pattern
{
    private readonly string? _literal;
    private readonly PatternProgram? _program;

    private Pattern(string? literal, PatternProgram? program)
    {
        _literal = literal;
        _program = program;
    }

    /// <summary>Matches exactly this text.</summary>
    public static Pattern Literal(string text) => new(text, null);

    /// <summary>Compiles a regular expression. Throws <see cref="InvalidDataException"/> where it is not valid.</summary>
    public static Pattern Regex(string expression) => new(null, PatternProgram.Compile(PatternParser.Parse(expression)));

    /// <summary>Calls <paramref name="found"/> for each match from left to right: its start and end.</summary>
    public void Find(ReadOnlySpan<char> text, Action<int, int> found)
    {
        if (_literal is not null)
        {
            FindLiteral(_literal, text, found);
            return;
        }

        var matcher = new PatternMatcher(_program!, text);
        var first = _program!.First;
        var lastEnd = -1;
        for (var (at, from) = (0, 0); at <= text.Length;)
        {
            var end = first is null || (at < text.Length && first.Contains(Character(text, at))) ? matcher.Match(at, from) : -1;
            // An empty match directly behind a match does not count.
            if (end < 0 || (end == at && at == lastEnd))
            {
                at += at + 1 < text.Length && char.IsSurrogatePair(text[at], text[at + 1]) ? 2 : 1;
                if (end >= 0)
                    from = at;
                continue;
            }

            found(at, end);
            lastEnd = at = from = end;
        }
    }

    private static int Character(ReadOnlySpan<char> text, int at) =>
        at + 1 < text.Length && char.IsSurrogatePair(text[at], text[at + 1]) ? char.ConvertToUtf32(text[at], text[at + 1]) : text[at];

    private static void FindLiteral(string literal, ReadOnlySpan<char> text, Action<int, int> found)
    {
        if (literal.Length == 0)
            return;
        for (var at = 0; ;)
        {
            var next = text[at..].IndexOf(literal, StringComparison.Ordinal);
            if (next < 0)
                return;
            at += next;
            found(at, at + literal.Length);
            at += literal.Length;
        }
    }
}
