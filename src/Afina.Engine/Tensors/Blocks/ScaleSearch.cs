namespace Afina.Engine.Tensors.Blocks;

/// <summary>ggml's searches for the scale (and minimum) of a sub-block, without an importance matrix (ggml-quants.c). Every sum is fp32,
/// in ggml's order, with no fused multiply-add: the bytes must come out the same.</summary>
internal static unsafe class ScaleSearch
{
    /// <summary>Scale and minimum (returned negated, so not negative) that reproduce <paramref name="x"/> best with codes 0..<paramref name="most"/>
    /// under the weights <paramref name="w"/> (make_qkx2_quants).</summary>
    public static float ScaleAndMin(int n, int most, float* x, float* w, byte* codes, out float minimum, float from, float step, int steps, bool absolute)
    {
        var (min, max) = Rounding.Range(x, n);
        var sumW = w[0];
        var sumX = sumW * x[0];
        for (var i = 1; i < n; i++)
        {
            sumW += w[i];
            sumX += w[i] * x[i];
        }

        if (min > 0)
            min = 0;
        if (max == min)
        {
            new Span<byte>(codes, n).Clear();
            minimum = -min;
            return 0;
        }

        var inverse = most / (max - min);
        var scale = 1 / inverse;
        var best = 0f;
        for (var i = 0; i < n; i++)
        {
            codes[i] = (byte)Rounding.Nearest(inverse * (x[i] - min), 0, most);
            var difference = scale * codes[i] + min - x[i];
            best += w[i] * (absolute ? MathF.Abs(difference) : difference * difference);
        }

        var trial = stackalloc byte[32];
        for (var t = 0; t <= steps; t++)
        {
            inverse = (from + step * t + most) / (max - min);
            float sumL = 0, sumL2 = 0, sumXL = 0;
            for (var i = 0; i < n; i++)
            {
                var l = Rounding.Nearest(inverse * (x[i] - min), 0, most);
                trial[i] = (byte)l;
                sumL += w[i] * l;
                sumL2 += w[i] * l * l;
                sumXL += w[i] * l * x[i];
            }

            var determinant = sumW * sumL2 - sumL * sumL;
            if (!(determinant > 0))
                continue;
            var thisScale = (sumW * sumXL - sumX * sumL) / determinant;
            var thisMin = (sumL2 * sumX - sumL * sumXL) / determinant;
            if (thisMin > 0)
                (thisMin, thisScale) = (0, sumXL / sumL2);
            var error = 0f;
            for (var i = 0; i < n; i++)
            {
                var difference = thisScale * trial[i] + thisMin - x[i];
                error += w[i] * (absolute ? MathF.Abs(difference) : difference * difference);
            }

            if (error < best)
            {
                new ReadOnlySpan<byte>(trial, n).CopyTo(new Span<byte>(codes, n));
                (best, scale, min) = (error, thisScale, thisMin);
            }
        }

        minimum = -min;
        return scale;
    }

    /// <summary>The scale for codes −<paramref name="most"/>..<paramref name="most"/> − 1, stored shifted to be positive; 18 more scales are
    /// tried around the first (make_qx_quants with x² as the weights).</summary>
    public static float Symmetric(int n, int most, float* x, byte* codes)
    {
        var largest = Rounding.SignedLargest(x, n);
        if (MathF.Abs(largest) < Rounding.Nothing)
        {
            new Span<byte>(codes, n).Clear();
            return 0;
        }

        var (sumXL, sumL2) = Fit(n, most, x, -most / largest, codes);
        var scale = sumL2 != 0 ? sumXL / sumL2 : 0;
        var best = scale * sumXL;
        var trial = stackalloc byte[16];
        for (var t = -9; t <= 9; t++)
        {
            if (t == 0)
                continue;
            (sumXL, sumL2) = Fit(n, most, x, -(most + 0.1f * t) / largest, trial);
            if (!(sumL2 > 0) || !(sumXL * sumXL > best * sumL2))
                continue;
            new ReadOnlySpan<byte>(trial, n).CopyTo(new Span<byte>(codes, n));
            scale = sumXL / sumL2;
            best = scale * sumXL;
        }

        return scale;
    }

    /// <summary>The scale for codes −4..3, stored shifted to be positive; the codes are improved one at a time (make_q3_quants).</summary>
    public static float Sweeps(int n, float* x, byte* codes)
    {
        const int most = 4;
        var largest = Rounding.SignedLargest(x, n);
        if (MathF.Abs(largest) < Rounding.Nothing)
        {
            new Span<byte>(codes, n).Clear();
            return 0;
        }

        var (sumXL, sumL2) = Fit(n, most, x, -most / largest, codes);
        var changed = true;
        for (var sweep = 0; sweep < 5 && changed; sweep++)
        {
            changed = false;
            for (var i = 0; i < n; i++)
            {
                var w = x[i] * x[i];
                var l = codes[i] - most;
                var withoutXL = sumXL - w * x[i] * l;
                if (!(withoutXL > 0))
                    continue;
                var withoutL2 = sumL2 - w * l * l;
                var next = Rounding.Nearest(x[i] * withoutL2 / withoutXL, -most, most - 1);
                if (next == l)
                    continue;
                withoutXL += w * x[i] * next;
                withoutL2 += w * next * next;
                if (!(withoutL2 > 0) || !(withoutXL * withoutXL * sumL2 > sumXL * sumXL * withoutL2))
                    continue;
                codes[i] = (byte)(next + most);
                (sumXL, sumL2) = (withoutXL, withoutL2);
                changed = true;
            }
        }

        return sumL2 > 0 ? sumXL / sumL2 : 0;
    }

    private static (float SumXL, float SumL2) Fit(int n, int most, float* x, float inverse, byte* codes)
    {
        float sumXL = 0, sumL2 = 0;
        for (var i = 0; i < n; i++)
        {
            var l = Rounding.Nearest(inverse * x[i], -most, most - 1);
            codes[i] = (byte)(l + most);
            var w = x[i] * x[i];
            sumXL += w * x[i] * l;
            sumL2 += w * l * l;
        }

        return (sumXL, sumL2);
    }
}
