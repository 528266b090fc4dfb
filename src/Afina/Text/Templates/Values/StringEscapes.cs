using System.Globalization;
using System.Text;

namespace Afina.Text.Templates.Values;

/// <summary>Decodes a text literal the way Python's unicode-escape codec does.</summary>
internal static class StringEscapes
{
    /// <summary>The text of a literal without its quotes.</summary>
    /// <exception cref="FormatException">An escape is malformed.</exception>
    public static string Decode(string literal)
    {
        if (!literal.Contains('\\'))
            return literal;
        var result = new StringBuilder(literal.Length);
        for (var i = 0; i < literal.Length; i++)
        {
            if (literal[i] != '\\')
                result.Append(literal[i]);
            else
                i = DecodeOne(literal, i + 1, result);
        }

        return result.ToString();
    }

    /// <summary>Decodes the escape whose letter is at <paramref name="at"/> and returns its last position.</summary>
    private static int DecodeOne(string literal, int at, StringBuilder result)
    {
        var c = literal[at];
        switch (c)
        {
            case '\n': return at;
            case '\\' or '\'' or '"': result.Append(c); return at;
            case 'a': result.Append('\a'); return at;
            case 'b': result.Append('\b'); return at;
            case 'f': result.Append('\f'); return at;
            case 'n': result.Append('\n'); return at;
            case 'r': result.Append('\r'); return at;
            case 't': result.Append('\t'); return at;
            case 'v': result.Append('\v'); return at;
            case 'x': return Hexadecimal(literal, at, 2, result);
            case 'u': return Hexadecimal(literal, at, 4, result);
            case 'U': return Hexadecimal(literal, at, 8, result);
            case 'N': return Named(literal, at, result);
            case >= '0' and <= '7':
                var end = at;
                var value = 0;
                while (end < literal.Length && end < at + 3 && literal[end] is >= '0' and <= '7')
                    value = value * 8 + (literal[end++] - '0');
                result.Append((char)value);
                return end - 1;
            case > '\x7f':
                // The codec sees such a character as an escape of its own, so the backslash before it escapes that escape's backslash.
                var width = Characters.Width(literal, at);
                var point = width == 2 ? char.ConvertToUtf32(literal, at) : c;
                result.Append('\\').Append(point <= 0xff ? $"x{point:x2}" : point <= 0xffff ? $"u{point:x4}" : $"U{point:x8}");
                return at + width - 1;
            default:
                result.Append('\\').Append(c);
                return at;
        }
    }

    private static int Hexadecimal(string literal, int at, int digits, StringBuilder result)
    {
        if (at + digits >= literal.Length
            || !uint.TryParse(literal.AsSpan(at + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            || value > 0x10ffff)
        {
            throw new FormatException($"the escape \\{literal[at]} needs {digits} hexadecimal digits of a character");
        }

        if (value <= 0xffff)
            result.Append((char)value);
        else
            result.Append(char.ConvertFromUtf32((int)value));
        return at + digits;
    }

    private static int Named(string literal, int at, StringBuilder result)
    {
        var end = at + 1 < literal.Length && literal[at + 1] == '{' ? literal.IndexOf('}', at) : -1;
        if (end < 0)
            throw new FormatException("the escape \\N needs a character's name in braces");
        var name = literal[(at + 2)..end];
        result.Append(CharacterNames.Find(name) ?? throw new FormatException($"the escape \\N{{{name}}} names a character that is not known here; write it as \\u and its number"));
        return end;
    }
}
