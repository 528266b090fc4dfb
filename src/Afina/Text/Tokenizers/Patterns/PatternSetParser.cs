using System.Globalization;
using System.Text;

namespace Afina.Text.Tokenizers.Patterns;

/// <summary>Reads one bracketed set or one escape of a pattern as a predicate over code points.</summary>
internal sealed class PatternSetParser(string text, int start, bool ignoreCase)
{
    private const int DepthLimit = 50;
    private int _at = start;
    private int _depth;

    /// <summary>Reads <c>[…]</c>.</summary>
    public Func<int, bool> Parse(out int end)
    {
        var set = Bracket();
        end = _at;
        return set;
    }

    /// <summary>Reads a backslash and what belongs to it.</summary>
    public Func<int, bool> ParseEscape(out int end)
    {
        var (set, c) = Escape();
        end = _at;
        return set ?? (ignoreCase ? UnicodeProperties.IgnoringCase(x => x == c) : x => x == c);
    }

    private Func<int, bool> Bracket()
    {
        if (++_depth > DepthLimit)
            throw Bad("sets are nested too deeply");
        _at++;
        var negative = Take('^');
        var all = new List<Func<int, bool>>();
        var items = new List<Func<int, bool>>();
        for (var first = true; ; first = false)
        {
            if (_at >= text.Length)
                throw Bad("set is not closed");
            if (!first && Take(']'))
                break;
            if (text.AsSpan(_at).StartsWith("&&"))
            {
                _at += 2;
                all.Add(AnyOf(items));
                items = [];
                continue;
            }

            items.Add(Item());
        }

        all.Add(AnyOf(items));
        var parts = all.ToArray();
        var content = parts.Length == 1 ? parts[0] : c => Array.TrueForAll(parts, part => part(c));
        // What differs only in case belongs to the outermost set before it is turned round.
        if (--_depth == 0 && ignoreCase)
            content = UnicodeProperties.IgnoringCase(content);
        return negative ? c => !content(c) : content;
    }

    private static Func<int, bool> AnyOf(List<Func<int, bool>> items)
    {
        var any = items.ToArray();
        return any.Length == 1 ? any[0] : c => Array.Exists(any, item => item(c));
    }

    private Func<int, bool> Item()
    {
        if (text[_at] == '[')
            return text.AsSpan(_at).StartsWith("[:") && text.IndexOf(":]", _at + 2, StringComparison.Ordinal) is var close and > 0 ? Posix(close) : Bracket();
        var (set, low) = One();
        if (set is not null)
            return set;
        if (_at + 1 >= text.Length || text[_at] != '-' || text[_at + 1] is ']' or '[')
            return c => c == low;
        _at++;
        var (highSet, high) = One();
        if (highSet is not null)
            return c => c == low || c == '-' || highSet(c);
        return high < low ? throw Bad("range from a higher to a lower character") : c => c >= low && c <= high;
    }

    private Func<int, bool> Posix(int close)
    {
        var name = text[(_at + 2)..close];
        var negative = name.StartsWith('^');
        var set = UnicodeProperties.Named(name.TrimStart('^')) ?? throw Bad($"unknown class [:{name}:]");
        _at = close + 2;
        return negative ? c => !set(c) : set;
    }

    private (Func<int, bool>? Set, int CodePoint) One() => text[_at] == '\\' ? Escape() : (null, CodePoint());

    private (Func<int, bool>? Set, int CodePoint) Escape()
    {
        if (_at + 1 >= text.Length)
            throw Bad("ends with a backslash");
        _at++;
        var c = text[_at];
        if (c is 'p' or 'P')
            return (Property(c == 'P'), 0);
        var set = c switch
        {
            'd' or 'D' => UnicodeProperties.Named("Nd"),
            'w' or 'W' => _depth > 0 ? UnicodeProperties.IsWordInSet : UnicodeProperties.IsWord,
            's' or 'S' => UnicodeProperties.IsSpace,
            'h' or 'H' => x => x < 128 && char.IsAsciiHexDigit((char)x),
            _ => null,
        };
        if (set is not null)
        {
            _at++;
            return (char.IsAsciiLetterUpper(c) ? x => !set(x) : set, 0);
        }

        return (null, Character(c));
    }

    private int Character(char c)
    {
        switch (c)
        {
            case 'x' when _at + 1 < text.Length && text[_at + 1] == '{':
                var close = text.IndexOf('}', _at);
                if (close < 0)
                    throw Bad("unclosed \\x{");
                var wide = text[(_at + 2)..close];
                _at = close + 1;
                return Hex(wide);
            case 'x': return Digits(2);
            case 'u': return Digits(4);
            case '0':
                var end = _at;
                while (end < text.Length && end < _at + 3 && text[end] is >= '0' and <= '7')
                    end++;
                var octal = Convert.ToInt32(text[_at..end], 8);
                _at = end;
                return octal;
            default:
                var code = CodePoint();
                return code switch { 't' => '\t', 'n' => '\n', 'r' => '\r', 'f' => '\f', 'v' => '\v', 'a' => '\a', 'e' => 0x1B, _ => code };
        }
    }

    private int Digits(int most)
    {
        var end = _at + 1;
        while (end < text.Length && end <= _at + most && char.IsAsciiHexDigit(text[end]))
            end++;
        var digits = text[(_at + 1)..end];
        _at = end;
        return Hex(digits);
    }

    private int Hex(string digits) =>
        int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) && value is >= 0 and <= 0x10FFFF
            ? value
            : throw Bad("not a hexadecimal character number");

    private Func<int, bool> Property(bool negative)
    {
        var close = _at + 1 < text.Length && text[_at + 1] == '{' ? text.IndexOf('}', _at) : -1;
        if (close < 0)
            throw Bad("\\p without {name}");
        var name = text[(_at + 2)..close];
        if (name.StartsWith('^'))
            (negative, name) = (!negative, name[1..]);
        var set = UnicodeProperties.Named(name) ?? throw Bad($"unknown character property \\p{{{name}}}");
        _at = close + 1;
        return negative ? c => !set(c) : set;
    }

    private int CodePoint()
    {
        Rune.DecodeFromUtf16(text.AsSpan(_at), out var rune, out var length);
        _at += length;
        return rune.Value;
    }

    private bool Take(char c)
    {
        if (_at >= text.Length || text[_at] != c)
            return false;
        _at++;
        return true;
    }

    private InvalidDataException Bad(string what) => PatternParser.Error(text, _at, what);
}
