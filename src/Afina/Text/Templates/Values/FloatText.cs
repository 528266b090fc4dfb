using System.Globalization;
using System.Numerics;

namespace Afina.Text.Templates.Values;

/// <summary>Python's texts of floats: the shortest that reads back, and fixed, exponent and general forms rounded exactly (half to even).</summary>
internal static class FloatText
{
    private const int MaxPrecision = 500;

    /// <summary>repr(): the shortest text that reads back as the same double.</summary>
    public static string Repr(double value)
    {
        if (Special(value) is { } special)
            return special;
        var (digits, exponent) = Scientific(Math.Abs(value).ToString("R", CultureInfo.InvariantCulture));
        string result;
        if (exponent is < -4 or >= 16)
            result = (digits.Length > 1 ? $"{digits[0]}.{digits[1..]}" : digits) + Exponent('e', exponent);
        else if (exponent < 0)
            result = "0." + new string('0', -exponent - 1) + digits;
        else if (digits.Length > exponent + 1)
            result = $"{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
        else
            result = digits.PadRight(exponent + 1, '0') + ".0";
        return double.IsNegative(value) ? "-" + result : result;
    }

    /// <summary>%f: a number of decimals.</summary>
    public static string Fixed(double value, int precision, bool keepPoint = false)
    {
        Check(precision);
        if (Special(value) is { } special)
            return special;
        var digits = Scaled(Math.Abs(value), precision).ToString(CultureInfo.InvariantCulture).PadLeft(precision + 1, '0');
        var result = precision > 0 ? $"{digits[..^precision]}.{digits[^precision..]}" : keepPoint ? digits + "." : digits;
        return double.IsNegative(value) ? "-" + result : result;
    }

    /// <summary>%e: one digit before the point.</summary>
    public static string Exponential(double value, int precision, char letter, bool keepPoint = false)
    {
        Check(precision);
        if (Special(value) is { } special)
            return special;
        var (digits, exponent) = Significant(Math.Abs(value), precision + 1);
        var point = precision > 0 || keepPoint ? "." : "";
        return (double.IsNegative(value) ? "-" : "") + digits[0] + point + digits[1..] + Exponent(letter, exponent);
    }

    /// <summary>%g: significant digits, fixed or exponent form, whichever suits.</summary>
    public static string General(double value, int precision, char letter, bool keepZeros = false)
    {
        Check(precision);
        if (Special(value) is { } special)
            return special;
        precision = Math.Max(precision, 1);
        var (_, exponent) = Significant(Math.Abs(value), precision);
        var exponential = exponent < -4 || exponent >= precision;
        var text = exponential ? Exponential(value, precision - 1, letter, keepZeros) : Fixed(value, precision - 1 - exponent, keepZeros);
        if (keepZeros || !text.Contains('.'))
            return text;
        var mark = exponential ? text.IndexOf(letter) : text.Length;
        return text[..mark].TrimEnd('0').TrimEnd('.') + text[mark..];
    }

    /// <summary>round(value, precision).</summary>
    public static double Round(double value, long precision)
    {
        if (!double.IsFinite(value) || precision > 330)
            return value;
        if (precision < -310)
            return Math.CopySign(0, value);
        if (precision >= 0)
            return double.Parse(Fixed(value, (int)precision), NumberStyles.Float, CultureInfo.InvariantCulture);
        var unit = BigInteger.Pow(10, (int)-precision);
        var rounded = (double)(DivideToEven(new BigInteger(Math.Abs(value)), unit, sticky: Math.Abs(value) != Math.Floor(Math.Abs(value))) * unit);
        return Math.CopySign(rounded, value);
    }

    private static string? Special(double value) => double.IsFinite(value) ? null : double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";

    private static string Exponent(char letter, int exponent) =>
        letter + (exponent < 0 ? "-" : "+") + Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture);

    private static void Check(int precision)
    {
        if (precision is < 0 or > MaxPrecision)
            throw new EngineException($"a precision of {precision} is over the limit of {MaxPrecision}");
    }

    /// <summary>The digits and the exponent of .NET's shortest text.</summary>
    private static (string Digits, int Exponent) Scientific(string shortest)
    {
        var mark = shortest.IndexOf('E');
        var mantissa = mark < 0 ? shortest : shortest[..mark];
        var digits = mantissa.Replace(".", "").TrimStart('0').TrimEnd('0');
        if (digits.Length == 0)
            return ("0", 0);
        if (mark >= 0)
            return (digits, int.Parse(shortest.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
        var point = mantissa.IndexOf('.');
        var whole = point < 0 ? mantissa : mantissa[..point];
        if (whole != "0")
            return (digits, whole.Length - 1);
        var fraction = mantissa[(point + 1)..];
        return (digits, -(fraction.Length - fraction.TrimStart('0').Length) - 1);
    }

    /// <summary>value * 10^precision, rounded half to even from the exact value.</summary>
    private static BigInteger Scaled(double value, int precision)
    {
        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)(bits >> 52) & 0x7ff;
        var mantissa = new BigInteger((bits & 0xfffffffffffff) | (exponent > 0 ? 1L << 52 : 0));
        exponent = Math.Max(exponent, 1) - 1075;
        var numerator = precision >= 0 ? mantissa * BigInteger.Pow(10, precision) : mantissa;
        var denominator = precision >= 0 ? BigInteger.One : BigInteger.Pow(10, -precision);
        return exponent >= 0 ? DivideToEven(numerator << exponent, denominator) : DivideToEven(numerator, denominator << -exponent);
    }

    private static BigInteger DivideToEven(BigInteger numerator, BigInteger denominator, bool sticky = false)
    {
        var quotient = BigInteger.DivRem(numerator, denominator, out var rest);
        var order = (rest * 2).CompareTo(denominator);
        return order > 0 || (order == 0 && (sticky || !quotient.IsEven)) ? quotient + 1 : quotient;
    }

    private static (string Digits, int Exponent) Significant(double value, int count)
    {
        if (value == 0)
            return (new string('0', count), 0);
        var exponent = (int)Math.Floor(Math.Log10(value));
        while (true)
        {
            var digits = Scaled(value, count - 1 - exponent).ToString(CultureInfo.InvariantCulture);
            if (digits.Length == count)
                return (digits, exponent);
            exponent += digits.Length > count ? 1 : -1;
        }
    }
}
