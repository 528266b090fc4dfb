namespace Afina.Engine.Tensors.Blocks;

/// <summary>The 12 bytes in which Q4_K and Q5_K keep eight 6-bit scales and eight 6-bit minima: the first four of each in the low six
/// bits of bytes 0-3 and 4-7, the others in halves of bytes 8-11 and the two high bits of bytes 0-7.</summary>
internal static unsafe class SixBitScales
{
    /// <summary>The scale and the minimum of sub-block <paramref name="s"/>.</summary>
    public static (int Scale, int Minimum) Read(byte* packed, int s) => s < 4
        ? (packed[s] & 63, packed[s + 4] & 63)
        : ((packed[s + 4] & 15) | ((packed[s - 4] >> 6) << 4), (packed[s + 4] >> 4) | ((packed[s] >> 6) << 4));

    /// <summary>Writes one sub-block's; in the order of sub-blocks, into cleared bytes.</summary>
    public static void Write(byte* packed, int s, int scale, int minimum)
    {
        if (s < 4)
        {
            packed[s] = (byte)scale;
            packed[s + 4] = (byte)minimum;
            return;
        }

        packed[s + 4] = (byte)((scale & 15) | ((minimum & 15) << 4));
        packed[s - 4] |= (byte)((scale >> 4) << 6);
        packed[s] |= (byte)((minimum >> 4) << 6);
    }

    /// <summary>The first 16 bytes of a Q4_K or Q5_K block (d, dmin, scales) and the codes 0..<paramref name="most"/> of its 256 values.</summary>
    public static void Encode(float* source, int most, float from, int steps, byte* header, byte* codes)
    {
        var w = stackalloc float[32];
        var scales = stackalloc float[8];
        var minima = stackalloc float[8];
        float largestScale = 0, largestMin = 0;
        for (var s = 0; s < 8; s++)
        {
            var x = source + 32 * s;
            var squares = 0f;
            for (var j = 0; j < 32; j++)
                squares += x[j] * x[j];
            var average = MathF.Sqrt(squares / 32);
            for (var j = 0; j < 32; j++)
                w[j] = average + MathF.Abs(x[j]);
            scales[s] = ScaleSearch.ScaleAndMin(32, most, x, w, codes + 32 * s, out minima[s], from, 0.1f, steps, absolute: false);
            largestScale = MathF.Max(largestScale, scales[s]);
            largestMin = MathF.Max(largestMin, minima[s]);
        }

        new Span<byte>(header, 16).Clear();
        var inverseScale = largestScale > 0 ? 63 / largestScale : 0;
        var inverseMin = largestMin > 0 ? 63 / largestMin : 0;
        for (var s = 0; s < 8; s++)
            Write(header + 4, s, Math.Min(63, Rounding.Nearest(inverseScale * scales[s])), Math.Min(63, Rounding.Nearest(inverseMin * minima[s])));
        Lanes.StoreHalf(header, largestScale / 63);
        Lanes.StoreHalf(header + 2, largestMin / 63);
        var (d, dMin) = (Lanes.Half(header), Lanes.Half(header + 2));
        for (var s = 0; s < 8; s++)
        {
            var (scaleCode, minCode) = Read(header + 4, s);
            var scale = d * scaleCode;
            if (scale == 0)
                continue;
            var minimum = dMin * minCode;
            for (var j = 32 * s; j < 32 * s + 32; j++)
                codes[j] = (byte)Rounding.Nearest((source[j] + minimum) / scale, 0, most);
        }
    }
}
