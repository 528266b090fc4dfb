using System.Globalization;
using System.Numerics;
using System.Text;

namespace Afina.Text.Templates.Values;

/// <summary>Python's format specification: <c>[[fill]align][sign][z][#][0][width][,|_][.precision][type]</c>.</summary>
internal sealed record FormatSpec(string Fill, char Align, char Sign, bool Alternative, int Width, char Grouping, int? Precision, char Kind)
{
    /// <summary>format(value, spec).</summary>
    public static string Apply(object? value, string spec)
    {
        if (spec.Length == 0)
            return TextForm.Str(value);
        var parsed = Parse(spec);
        Budget.Current.SpendText(parsed.Width);
        switch (value)
        {
            case string or Markup:
                Kinds.IsText(value, out var text);
                if (parsed.Kind is not ('\0' or 's') || parsed.Sign != '\0' || parsed.Align == '=' || parsed.Grouping != '\0')
                    throw Unknown(parsed.Kind, value);
                if (parsed.Precision is { } limit && limit < Characters.Count(text))
                    text = text[..Characters.Unit(text, limit)];
                return parsed.Pad("", text, '<');
            case double d:
                return parsed.FormatFloat(d);
            case long or BigInteger or bool:
                return parsed.Kind is 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or '%' ? parsed.FormatFloat(Numbers.ToDouble(value)) : parsed.FormatInteger(Numbers.ToBig(value));
            default:
                throw new EngineException($"unsupported format string passed to {Kinds.Name(Kinds.Defined(value))}.__format__");
        }
    }

    /// <summary>A float in one of the forms e, f and g, in either case.</summary>
    public static string Float(double value, char kind, int precision, bool alternative)
    {
        var text = char.ToLowerInvariant(kind) switch
        {
            'f' => FloatText.Fixed(value, precision, alternative),
            'e' => FloatText.Exponential(value, precision, 'e', alternative),
            _ => FloatText.General(value, precision, 'e', alternative),
        };
        return char.IsAsciiLetterUpper(kind) ? text.ToUpperInvariant() : text;
    }

    /// <summary>The digits of a whole number that is not negative.</summary>
    public static string Radix(BigInteger value, int radix)
    {
        if (radix == 10)
            return value.ToString(CultureInfo.InvariantCulture);
        var digits = new StringBuilder();
        do
        {
            digits.Insert(0, "0123456789abcdef"[(int)(value % radix)]);
            value /= radix;
        }
        while (!value.IsZero);
        return digits.ToString();
    }

    private static FormatSpec Parse(string spec)
    {
        var (at, fill, align) = (0, " ", '\0');
        var first = Characters.Width(spec, 0);
        if (first < spec.Length && spec[first] is '<' or '>' or '^' or '=')
            (fill, align, at) = (spec[..first], spec[first], first + 1);
        else if (spec[0] is '<' or '>' or '^' or '=')
            (align, at) = (spec[0], 1);
        var sign = Take("+- ");
        Take("z");
        var alternative = Take("#") != '\0';
        if (Take("0") != '\0' && align == '\0')
            (fill, align) = ("0", '=');
        var width = Number() ?? 0;
        var grouping = Take(",_");
        int? precision = Take(".") == '\0' ? null : Number() ?? throw new EngineException("Format specifier missing precision");
        var kind = at < spec.Length ? spec[at++] : '\0';
        if (at < spec.Length)
            throw new EngineException($"Invalid format specifier '{spec}'");
        return new FormatSpec(fill, align, sign, alternative, width, grouping, precision, kind);

        char Take(string choices) => at < spec.Length && choices.Contains(spec[at]) ? spec[at++] : '\0';

        int? Number()
        {
            var start = at;
            while (at < spec.Length && char.IsAsciiDigit(spec[at]))
                at++;
            return start == at ? null
                : int.TryParse(spec.AsSpan(start, at - start), CultureInfo.InvariantCulture, out var number) ? number
                : throw new EngineException("Too many decimal digits in format string");
        }
    }

    private string FormatFloat(double value)
    {
        var magnitude = Math.Abs(value);
        var text = Kind switch
        {
            '\0' when Precision is null => FloatText.Repr(magnitude),
            '\0' => WithPoint(FloatText.General(magnitude, Precision.Value, 'e', Alternative)),
            '%' => FloatText.Fixed(magnitude * 100, Precision ?? 6) + "%",
            'e' or 'E' or 'f' or 'F' or 'g' or 'G' => Float(magnitude, Kind, Precision ?? 6, Alternative),
            _ => throw Unknown(Kind, value),
        };
        var end = 0;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
            end++;
        return Pad(SignOf(double.IsNegative(value) && !double.IsNaN(value)), Group(text[..end], 3) + text[end..], '>');

        static string WithPoint(string text) => text.AsSpan().ContainsAny(".en") ? text : text + ".0";
    }

    private string FormatInteger(BigInteger value)
    {
        if (Precision is not null)
            throw new EngineException("Precision not allowed in integer format specifier");
        var magnitude = BigInteger.Abs(value);
        var (digits, prefix) = Kind switch
        {
            '\0' or 'd' or 'n' => (Radix(magnitude, 10), ""),
            'x' => (Radix(magnitude, 16), "0x"),
            'X' => (Radix(magnitude, 16).ToUpperInvariant(), "0X"),
            'o' => (Radix(magnitude, 8), "0o"),
            'b' => (Radix(magnitude, 2), "0b"),
            'c' when Rune.TryCreate((int)BigInteger.Min(magnitude, int.MaxValue), out var rune) => (rune.ToString(), ""),
            _ => throw Unknown(Kind, 0L),
        };
        return Pad(SignOf(value.Sign < 0) + (Alternative ? prefix : ""), Group(digits, Kind is '\0' or 'd' ? 3 : 4), '>');
    }

    private string SignOf(bool negative) => negative ? "-" : Sign is '+' or ' ' ? Sign.ToString() : "";

    private string Group(string digits, int size)
    {
        if (Grouping == '\0')
            return digits;
        var result = new StringBuilder(digits);
        for (var i = digits.Length - size; i > 0; i -= size)
            result.Insert(i, Grouping);
        return result.ToString();
    }

    private string Pad(string sign, string text, char usual)
    {
        var missing = Width - sign.Length - Characters.Count(text);
        if (missing <= 0)
            return sign + text;
        return (Align == '\0' ? usual : Align) switch
        {
            '<' => sign + text + Filling(missing),
            '>' => Filling(missing) + sign + text,
            '=' => sign + Filling(missing) + text,
            _ => Filling(missing / 2) + sign + text + Filling(missing - missing / 2),
        };
    }

    private string Filling(int count) => Fill.Length == 1 ? new string(Fill[0], count) : string.Concat(Enumerable.Repeat(Fill, count));

    private static EngineException Unknown(char kind, object? value) =>
        new($"Unknown format code '{kind}' for object of type '{Kinds.Name(value)}'");
}
