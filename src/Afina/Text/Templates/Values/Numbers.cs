using System.Numerics;

namespace Afina.Text.Templates.Values;

/// <summary>Python's numbers: bool counts as int, ints have no limit (but a budget), float is IEEE double.</summary>
internal static class Numbers
{
    private const long MaxBits = 1 << 16;

    public static bool IsNumber(object? value) => value is long or double or bool or BigInteger;

    public static bool IsInteger(object? value) => value is long or bool or BigInteger;

    /// <summary>The smallest form of an integer.</summary>
    public static object Normalize(BigInteger value)
    {
        if (value >= long.MinValue && value <= long.MaxValue)
            return (long)value;
        if (value.GetBitLength() > MaxBits)
            throw new EngineException($"a whole number of over {MaxBits} bits");
        return value;
    }

    public static BigInteger ToBig(object? value) => value switch
    {
        long n => n,
        bool b => b ? 1 : 0,
        BigInteger n => n,
        _ => throw new EngineException($"'{Kinds.Name(Kinds.Defined(value))}' object cannot be interpreted as an integer"),
    };

    /// <summary>A value used as an index or a count; one beyond 64 bits becomes the nearest that fits.</summary>
    public static long ToIndex(object? value) => value is long n
        ? n
        : ToBig(value) is var big && big > long.MaxValue ? long.MaxValue : big < long.MinValue ? long.MinValue : (long)big;

    public static double ToDouble(object? value) => value switch
    {
        double d => d,
        long n => n,
        bool b => b ? 1 : 0,
        BigInteger n => (double)n is var d && double.IsInfinity(d) ? throw new EngineException("int too large to convert to float") : d,
        _ => throw new EngineException($"must be real number, not {Kinds.Name(Kinds.Defined(value))}"),
    };

    /// <summary>Compares exactly, int with float too; null if one of them is not a number (NaN).</summary>
    public static int? Compare(object? a, object? b)
    {
        if (a is long x && b is long y)
            return x.CompareTo(y);
        if (a is double or BigInteger or long or bool && b is double d)
            return a is double c ? CompareDoubles(c, d) : -CompareDoubleToInteger(d, ToBig(a));
        return a is double e ? CompareDoubleToInteger(e, ToBig(b)) : ToBig(a).CompareTo(ToBig(b));
    }

    public static object Negate(object? value) => value switch
    {
        double d => -d,
        long n when n != long.MinValue => -n,
        _ => Normalize(-ToBig(value)),
    };

    public static object Add(object? a, object? b)
    {
        if (a is double || b is double)
            return ToDouble(a) + ToDouble(b);
        if (a is long x && b is long y)
        {
            var sum = unchecked(x + y);
            if (((x ^ sum) & (y ^ sum)) >= 0)
                return sum;
        }

        return Normalize(ToBig(a) + ToBig(b));
    }

    public static object Subtract(object? a, object? b) => a is double || b is double
        ? ToDouble(a) - ToDouble(b)
        : Normalize(ToBig(a) - ToBig(b));

    public static object Multiply(object? a, object? b) => a is double || b is double
        ? ToDouble(a) * ToDouble(b)
        : Normalize(ToBig(a) * ToBig(b));

    public static object Divide(object? a, object? b)
    {
        if (a is double || b is double)
            return ToDouble(b) is var divisor && divisor == 0 ? throw new EngineException("float division by zero") : ToDouble(a) / divisor;
        var (x, y) = (ToBig(a), ToBig(b));
        if (y.IsZero)
            throw new EngineException("division by zero");
        return Quotient(x, y);
    }

    public static object FloorDivide(object? a, object? b)
    {
        if (a is double || b is double)
        {
            var (x, y) = (ToDouble(a), ToDouble(b));
            if (y == 0)
                throw new EngineException("float floor division by zero");
            var quotient = (x - FloatModulo(x, y)) / y;
            return Math.Floor(quotient) is var floor && quotient - floor > 0.5 ? floor + 1 : floor;
        }

        if (ToBig(b).IsZero)
            throw new EngineException("integer division or modulo by zero");
        var whole = BigInteger.DivRem(ToBig(a), ToBig(b), out var rest);
        return Normalize(!rest.IsZero && rest.Sign != ToBig(b).Sign ? whole - 1 : whole);
    }

    public static object Modulo(object? a, object? b)
    {
        if (a is double || b is double)
            return ToDouble(b) is var divisor && divisor == 0 ? throw new EngineException("float modulo") : FloatModulo(ToDouble(a), divisor);
        var modulus = ToBig(b);
        if (modulus.IsZero)
            throw new EngineException("integer modulo by zero");
        var rest = BigInteger.Remainder(ToBig(a), modulus);
        return Normalize(!rest.IsZero && rest.Sign != modulus.Sign ? rest + modulus : rest);
    }

    public static object Power(object? a, object? b)
    {
        if (a is double || b is double || ToBig(b).Sign < 0)
            return FloatPower(ToDouble(a), ToDouble(b));
        var (x, y) = (ToBig(a), ToBig(b));
        if (x.IsZero || x.IsOne || x == BigInteger.MinusOne)
            return y.IsZero ? 1L : Normalize(x.Sign < 0 && y.IsEven ? BigInteger.One : x);
        if (y * x.GetBitLength() > MaxBits * 2)
            throw new EngineException($"a whole number of over {MaxBits} bits");
        return Normalize(BigInteger.Pow(x, (int)y));
    }

    private static object FloatPower(double x, double y)
    {
        if (x == 0 && y < 0)
            throw new EngineException("0.0 cannot be raised to a negative power");
        if (x < 0 && y != Math.Floor(y) && double.IsFinite(x) && double.IsFinite(y))
            throw new EngineException("a negative number raised to a fraction is not a real number");
        var power = Math.Pow(x, y);
        return double.IsInfinity(power) && double.IsFinite(x) && double.IsFinite(y)
            ? throw new EngineException("the result of ** is too large for a float")
            : power;
    }

    private static double FloatModulo(double x, double y)
    {
        var rest = x % y;
        if (rest != 0)
            return rest < 0 != y < 0 ? rest + y : rest;
        return Math.CopySign(0, y);
    }

    /// <summary>The nearest double to a quotient of integers, also when they do not fit a double themselves.</summary>
    private static double Quotient(BigInteger x, BigInteger y)
    {
        const long Exact = 1L << 53;
        if (BigInteger.Abs(x) <= Exact && BigInteger.Abs(y) <= Exact)
            return (double)x / (double)y;
        var shift = 66 - (int)(x.GetBitLength() - y.GetBitLength());
        var scaled = shift >= 0 ? BigInteger.DivRem(x << shift, y, out var rest) : BigInteger.DivRem(x, y << -shift, out rest);
        if (!rest.IsZero)
            scaled = scaled.IsEven ? scaled + (x.Sign * y.Sign) : scaled;
        var value = Math.ScaleB((double)scaled, -shift);
        return double.IsInfinity(value) ? throw new EngineException("integer division result too large for a float") : value;
    }

    private static int? CompareDoubles(double a, double b) => double.IsNaN(a) || double.IsNaN(b) ? null : a.CompareTo(b);

    private static int? CompareDoubleToInteger(double a, BigInteger b)
    {
        if (double.IsNaN(a))
            return null;
        if (double.IsInfinity(a))
            return a > 0 ? 1 : -1;
        var floor = Math.Floor(a);
        var whole = new BigInteger(floor).CompareTo(b);
        return whole != 0 ? whole : a > floor ? 1 : 0;
    }
}
