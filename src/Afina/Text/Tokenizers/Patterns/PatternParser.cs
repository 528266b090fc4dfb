using System.Globalization;
using System.Text;

namespace Afina.Text.Tokenizers.Patterns;

/// <summary>Reads the regular-expression language of tokenizer.json: Oniguruma with Ruby syntax, without back references and subroutine calls.</summary>
internal sealed class PatternParser
{
    private const int DepthLimit = 100;
    private const int CountLimit = 1000;
    private readonly string _text;
    private int _at;
    private int _depth;

    private PatternParser(string text) => _text = text;

    /// <summary>Parses a pattern. Throws <see cref="InvalidDataException"/> with one line that names the pattern.</summary>
    public static PatternNode Parse(string pattern)
    {
        var parser = new PatternParser(pattern);
        var node = parser.Alternation(default);
        return parser._at < pattern.Length ? throw parser.Bad("unmatched )") : node;
    }

    private bool More => _at < _text.Length;

    private PatternNode Alternation(PatternFlags flags)
    {
        if (++_depth > DepthLimit)
            throw Bad("nested too deeply");
        var branches = new List<PatternNode> { Sequence(flags) };
        while (Take('|'))
            branches.Add(Sequence(flags));
        _depth--;
        return branches.Count == 1 ? branches[0] : new AlternationNode(branches);
    }

    private PatternNode Sequence(PatternFlags flags)
    {
        var parts = new List<PatternNode>();
        while (More && _text[_at] is not ('|' or ')'))
        {
            if (flags.Extended && SkipExtended())
                continue;
            if (Atom(ref flags) is { } atom)
                parts.Add(Quantified(atom));
        }

        return parts.Count == 1 ? parts[0] : new SequenceNode(parts);
    }

    private bool SkipExtended()
    {
        if (char.IsWhiteSpace(_text[_at]))
        {
            _at++;
            return true;
        }

        if (_text[_at] != '#')
            return false;
        while (More && _text[_at] != '\n')
            _at++;
        return true;
    }

    private PatternNode? Atom(ref PatternFlags flags)
    {
        switch (_text[_at])
        {
            case '(': return Group(flags);
            case '[': return new SetNode(new PatternSetParser(_text, _at, flags.IgnoreCase).Parse(out _at));
            case '.':
                _at++;
                var all = flags.DotAll;
                return new SetNode(c => all || c != '\n');
            case '^':
                _at++;
                return new AnchorNode(Anchor.LineStart);
            case '$':
                _at++;
                return new AnchorNode(Anchor.LineEnd);
            case '*' or '+' or '?': throw Bad("nothing to repeat");
            case '\\': return Escape(flags);
            default: return Literal(CodePoint(), flags);
        }
    }

    private PatternNode? Group(PatternFlags flags)
    {
        var start = _at++;
        if (!Take('?'))
            return Closed(start, Alternation(flags));
        if (Take('#'))
        {
            while (More && _text[_at] != ')')
                _at++;
            return Take(')') ? null : throw Bad("unclosed comment");
        }

        if (Take(':'))
            return Closed(start, Alternation(flags));
        if (Take('>'))
            return new AtomicNode(Closed(start, Alternation(flags)));
        if (Take('='))
            return new LookNode(Closed(start, Alternation(flags)), false, false);
        if (Take('!'))
            return new LookNode(Closed(start, Alternation(flags)), false, true);
        if (Take('<'))
        {
            if (Take('='))
                return new LookNode(Closed(start, Alternation(flags)), true, false);
            if (Take('!'))
                return new LookNode(Closed(start, Alternation(flags)), true, true);
            while (More && _text[_at] != '>')
                _at++;
            return Take('>') ? Closed(start, Alternation(flags)) : throw Bad("unclosed group name");
        }

        flags = Flags(flags);
        if (Take(':'))
            return Closed(start, Alternation(flags));
        // (?i) rules the rest of the enclosing group, alternatives included.
        return Take(')') ? Alternation(flags) : throw Bad("unknown group");
    }

    private PatternFlags Flags(PatternFlags flags)
    {
        for (var on = true; More; _at++)
        {
            switch (_text[_at])
            {
                case '-': on = false; break;
                case 'i': flags = flags with { IgnoreCase = on }; break;
                case 'm': flags = flags with { DotAll = on }; break;
                case 'x': flags = flags with { Extended = on }; break;
                default: return flags;
            }
        }

        return flags;
    }

    private PatternNode Closed(int start, PatternNode node) => Take(')') ? node : throw Bad($"group at {start} is not closed");

    private PatternNode Escape(PatternFlags flags)
    {
        if (_at + 1 >= _text.Length)
            throw Bad("ends with a backslash");
        var c = _text[_at + 1];
        var anchor = c switch
        {
            'A' => Anchor.TextStart,
            'z' => Anchor.TextEnd,
            'Z' => Anchor.TextEndOrLastNewline,
            'b' => Anchor.WordBoundary,
            'B' => Anchor.NoWordBoundary,
            'G' => Anchor.SearchStart,
            _ => (Anchor?)null,
        };
        if (anchor is { } found)
        {
            _at += 2;
            return new AnchorNode(found);
        }

        if (c == 'R')
        {
            _at += 2;
            return new AtomicNode(new AlternationNode(
            [
                new SequenceNode([new SetNode(x => x == '\r'), new SetNode(x => x == '\n')]),
                new SetNode(x => x is >= 0x0A and <= 0x0D or 0x85 or 0x2028 or 0x2029),
            ]));
        }

        if (c is 'X' or 'K' or 'k' or 'g' or >= '1' and <= '9')
            throw Bad($"\\{c} is not supported");
        return new SetNode(new PatternSetParser(_text, _at, flags.IgnoreCase).ParseEscape(out _at));
    }

    private static SetNode Literal(int c, PatternFlags flags) => new(flags.IgnoreCase ? UnicodeProperties.IgnoringCase(x => x == c) : x => x == c);

    private PatternNode Quantified(PatternNode node)
    {
        while (More)
        {
            var (least, most, interval) = _text[_at] switch
            {
                '*' => (0, int.MaxValue, false),
                '+' => (1, int.MaxValue, false),
                '?' => (0, 1, false),
                '{' => Interval(),
                _ => (-1, -1, false),
            };
            if (least < 0)
                return node;
            if (!interval)
                _at++;
            // Ruby's rule: {n}? and {n,m}+ are a quantifier upon a quantifier, not lazy and possessive forms.
            var greed = !(interval && least == most) && Take('?') ? Greed.Lazy : !interval && Take('+') ? Greed.Possessive : Greed.Greedy;
            if (++_depth > DepthLimit)
                throw Bad("nested too deeply");
            node = new RepeatNode(node, least, most, greed);
        }

        return node;
    }

    private (int, int, bool) Interval()
    {
        var end = _text.IndexOf('}', _at);
        var parts = end < 0 ? [] : _text[(_at + 1)..end].Split(',');
        var least = 0;
        var most = int.MaxValue;
        var good = parts.Length is 1 or 2 && parts.Any(part => part.Length > 0)
            && parts.All(part => part.All(char.IsAsciiDigit))
            && (parts[0].Length == 0 || int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out least))
            && (parts[^1].Length == 0 || int.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out most));
        if (!good)
            return (-1, -1, false);
        if (least > CountLimit || (most > CountLimit && most != int.MaxValue))
            throw Bad($"repeats more than {CountLimit} times");
        if (least > most)
            throw Bad("repeats from more to fewer");
        _at = end + 1;
        return (least, most, true);
    }

    private int CodePoint()
    {
        Rune.DecodeFromUtf16(_text.AsSpan(_at), out var rune, out var length);
        _at += length;
        return rune.Value;
    }

    private bool Take(char c)
    {
        if (!More || _text[_at] != c)
            return false;
        _at++;
        return true;
    }

    private InvalidDataException Bad(string what) => Error(_text, _at, what);

    internal static InvalidDataException Error(string pattern, int at, string what) =>
        new($"regular expression \"{(pattern.Length > 80 ? pattern[..80] + "…" : pattern)}\" is not valid at {at}: {what}");
}

/// <summary>The options that hold at a place of a pattern.</summary>
internal readonly record struct PatternFlags(bool IgnoreCase, bool DotAll, bool Extended);
