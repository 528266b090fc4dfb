using System.Globalization;
using System.Numerics;
using Afina.Text.Templates.Values;

namespace Afina.Text.Templates.Library;

/// <summary>The filters for numbers, defaults and members.</summary>
internal static class ValueFilters
{
    public static IEnumerable<KeyValuePair<string, Func<object?, Arguments, object?>>> All => new Dictionary<string, Func<object?, Arguments, object?>>
    {
        ["default"] = Default,
        ["d"] = Default,
        ["abs"] = (value, _) => Numbers.IsNumber(Kinds.Defined(value))
            ? Ordering.Less(value, 0L) ? Numbers.Negate(value) : value is double d ? Math.Abs(d) : Operators.Plus(value)
            : throw new EngineException($"bad operand type for abs(): '{Kinds.Name(value)}'"),
        ["int"] = ToInteger,
        ["float"] = ToFloat,
        ["round"] = Round,
        ["attr"] = (value, arguments) => Members.Own(value, TextForm.Str(arguments.Required("name"))),
        ["length"] = (value, _) => Sequences.Length(value),
        ["count"] = (value, _) => Sequences.Length(value),
    };

    /// <summary>float(value), or null where Python raises a value or type error.</summary>
    public static double? TryFloat(object? value)
    {
        if (Numbers.IsNumber(Kinds.Defined(value)))
            return Numbers.ToDouble(value);
        if (!Kinds.IsText(value, out var text))
            return null;
        text = Characters.Strip(text, null, true, true);
        var unsigned = text.TrimStart('+', '-').ToLowerInvariant();
        if (text.Length - unsigned.Length <= 1 && unsigned is "inf" or "infinity" or "nan")
            return unsigned == "nan" ? double.NaN : text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
        return HasValidUnderscores(text) && !text.AsSpan().ContainsAnyExcept("0123456789+-.eE_")
            && double.TryParse(text.Replace("_", ""), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    private static object? Default(object? value, Arguments arguments)
    {
        var fallback = arguments.Optional("default_value", "");
        var boolean = arguments.OptionalTruth("boolean", false);
        arguments.End();
        return value is Undefined || (boolean && !Kinds.Truth(value)) ? fallback : value;
    }

    private static object? ToInteger(object? value, Arguments arguments)
    {
        var fallback = arguments.Optional("default", 0L);
        var radix = arguments.OptionalInteger("base", 10);
        arguments.End();
        if (Numbers.IsInteger(Kinds.Defined(value)))
            return Numbers.Normalize(Numbers.ToBig(value));
        if (Kinds.IsText(value, out var text) && TryParse(text, radix) is { } parsed)
            return Numbers.Normalize(parsed);
        var number = TryFloat(value);
        if (value is double && !double.IsFinite(number!.Value))
            throw new EngineException("cannot convert a float that is not finite to an integer");
        return number is { } d && double.IsFinite(d) ? Numbers.Normalize(new BigInteger(d)) : fallback;
    }

    /// <summary>int(text, base): white space, a sign, a prefix of the base, single underscores.</summary>
    private static BigInteger? TryParse(string text, long radix)
    {
        if (radix is not (0 or (>= 2 and <= 36)) || text.Length > 4300)
            return null;
        text = Characters.Strip(text, null, true, true).ToLowerInvariant();
        var negative = text.StartsWith('-');
        if (negative || text.StartsWith('+'))
            text = text[1..];
        var prefix = text.Length > 2 && text[0] == '0' ? text[1] switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 } : 0;
        if (prefix != 0 && (radix == 0 || radix == prefix))
        {
            radix = prefix;
            text = text[2] == '_' ? text[3..] : text[2..];
        }
        else if (radix == 0)
        {
            if (text.Length > 1 && text[0] == '0' && text.Trim('0', '_').Length > 0)
                return null;
            radix = 10;
        }

        if (text.Length == 0 || !HasValidUnderscores(text))
            return null;
        var value = BigInteger.Zero;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            var digit = char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetterLower(c) ? c - 'a' + 10 : c > 127 ? CharUnicodeInfo.GetDecimalDigitValue(c) : -1;
            if (c == '_')
                continue;
            if (digit < 0 || digit >= radix)
                return null;
            value = value * radix + digit;
        }

        return negative ? -value : value;
    }

    private static bool HasValidUnderscores(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '_' && (i == 0 || i == text.Length - 1 || !char.IsLetterOrDigit(text[i - 1]) || !char.IsLetterOrDigit(text[i + 1])))
                return false;
        }

        return true;
    }

    private static object? ToFloat(object? value, Arguments arguments)
    {
        var fallback = arguments.Optional("default", 0.0);
        arguments.End();
        return TryFloat(value) is { } number ? number : fallback;
    }

    private static object? Round(object? value, Arguments arguments)
    {
        var precision = arguments.OptionalInteger("precision", 0);
        var method = arguments.OptionalText("method") ?? "common";
        arguments.End();
        if (!Numbers.IsNumber(Kinds.Defined(value)))
            throw new EngineException($"type {Kinds.Name(value)} doesn't define __round__ method");
        switch (method)
        {
            case "common" when value is double d:
                return FloatText.Round(d, precision);
            case "common" when precision >= 0:
                return Operators.Plus(value);
            case "common":
                return Numbers.Normalize(RoundToEven(Numbers.ToBig(value), BigInteger.Pow(10, (int)Math.Min(-precision, 5000))));
            case "ceil" or "floor":
                var scale = Numbers.Power(10L, precision);
                var scaled = Numbers.ToDouble(Numbers.Multiply(value, scale));
                if (!double.IsFinite(scaled))
                    throw new EngineException("cannot convert a float that is not finite to an integer");
                return Numbers.Divide(Numbers.Normalize(new BigInteger(method == "ceil" ? Math.Ceiling(scaled) : Math.Floor(scaled))), scale);
            default:
                throw new EngineException("the filter 'round' knows the methods common, ceil and floor");
        }
    }

    private static BigInteger RoundToEven(BigInteger value, BigInteger unit)
    {
        var quotient = BigInteger.DivRem(value, unit, out var rest);
        var order = (BigInteger.Abs(rest) * 2).CompareTo(unit);
        return (order > 0 || (order == 0 && !quotient.IsEven) ? quotient + value.Sign : quotient) * unit;
    }
}
