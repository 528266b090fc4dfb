namespace Afina.Engine.Tensors.Blocks;

/// <summary>What IQ4_NL and IQ4_XS share: 16 unevenly spaced values, and the search for a block's scale (quantize_row_iq4_nl_impl).</summary>
internal static unsafe class Iq4
{
    /// <summary>The values that the codes stand for.</summary>
    public static ReadOnlySpan<sbyte> Values => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>The code of the nearest value; the upper one of two that are equally near.</summary>
    public static int Nearest(float x)
    {
        var values = Values;
        if (x <= values[0])
            return 0;
        if (x >= values[15])
            return 15;
        var (low, high) = (0, 15);
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            if (x < values[middle])
                high = middle;
            else
                low = middle;
        }

        return x - values[low] < values[high] - x ? low : high;
    }

    /// <summary>The scale for 32 values, by least squares weighted with x² over 16 trial scales.</summary>
    public static float Scale(float* x)
    {
        var largest = Rounding.SignedLargest(x, 32);
        if (MathF.Abs(largest) < Rounding.Nothing)
            return 0;
        var (sumQX, sumQ2) = Fit(x, 1 / (-largest / Values[0]));
        var d = sumQX / sumQ2;
        var best = d * sumQX;
        for (var t = -7; t <= 7; t++)
        {
            (sumQX, sumQ2) = Fit(x, (t + Values[0]) / largest);
            if (!(sumQ2 > 0) || !(sumQX * sumQX > best * sumQ2))
                continue;
            d = sumQX / sumQ2;
            best = d * sumQX;
        }

        return d;
    }

    /// <summary>Packs 32 codes of values times <paramref name="inverse"/> into 16 bytes, as Q4_0 does.</summary>
    public static void Pack(float* x, float inverse, byte* destination)
    {
        for (var j = 0; j < 16; j++)
            destination[j] = (byte)(Nearest(inverse * x[j]) | (Nearest(inverse * x[j + 16]) << 4));
    }

    /// <summary>Widens 16 bytes of codes.</summary>
    public static void Unpack(byte* codes, float scale, float* destination)
    {
        for (var j = 0; j < 16; j++)
        {
            destination[j] = scale * Values[codes[j] & 15];
            destination[j + 16] = scale * Values[codes[j] >> 4];
        }
    }

    private static (float SumQX, float SumQ2) Fit(float* x, float inverse)
    {
        float sumQX = 0, sumQ2 = 0;
        for (var j = 0; j < 32; j++)
        {
            float q = Values[Nearest(inverse * x[j])];
            var w = x[j] * x[j];
            sumQX += w * q * x[j];
            sumQ2 += w * q * q;
        }

        return (sumQX, sumQ2);
    }
}
