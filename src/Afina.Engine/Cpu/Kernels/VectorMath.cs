using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Elementary functions of 16 numbers at a time.</summary>
internal static class VectorMath
{
    /// <summary>e^x: 2^n e^r, n rounded by adding 1.5 · 2^23, e^r by Cephes' polynomial. Below −87.3: 0; above 88.37: e^88.37.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        if (!Vector128.IsHardwareAccelerated)
            return ExpOfEach(x);
        var least = Vector512.Create(-87.3f);
        var magic = Vector512.Create(12582912f);
        var clamped = Vector512.MinNative(Vector512.Create(88.37f), Vector512.MaxNative(least, x));
        var shifted = Vector512.FusedMultiplyAdd(clamped, Vector512.Create(1.44269504f), magic);
        var n = shifted - magic;
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), clamped);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(1.9875691500e-4f), r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r + Vector512<float>.One);
        var power = (p.AsInt32() + (shifted.AsInt32() << 23)).AsSingle();
        return Vector512.ConditionalSelect(Vector512.LessThan(x, least), Vector512<float>.Zero, power);
    }

    /// <summary>Where vectors are but emulated, one number at a time is many times faster.</summary>
    private static Vector512<float> ExpOfEach(Vector512<float> x)
    {
        Span<float> each = stackalloc float[Vector512<float>.Count];
        x.CopyTo(each);
        foreach (ref var value in each)
            value = value < -87.3f ? 0 : MathF.Exp(MathF.Min(88.37f, value));
        return Vector512.Create<float>(each);
    }

    /// <summary>1 / (1 + e^−x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x)
    {
        var divisor = Vector512<float>.One + Exp(-x);
        if (!Avx512F.IsSupported)
            return Vector512<float>.One / divisor;

        // 14 bits, then Newton's step: faster than a division, and as exact but for the last bit.
        var quotient = Avx512F.Reciprocal14(divisor);
        return quotient * Vector512.FusedMultiplyAdd(-divisor, quotient, Vector512.Create(2f));
    }

    /// <summary>tanh x = 2 σ(2x) − 1; odd, so small x keep their sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x)
    {
        // e^(2|x|) − 1 loses digits near 0, where the series is exact enough.
        var size = Vector512.Abs(x);
        var large = Vector512<float>.One - Vector512.Create(2f) / (Exp(size + size) + Vector512<float>.One);
        var square = x * x;
        var series = size * Vector512.FusedMultiplyAdd(square, Vector512.FusedMultiplyAdd(square,
            Vector512.FusedMultiplyAdd(square, Vector512.Create(-17f / 315), Vector512.Create(2f / 15)), Vector512.Create(-1f / 3)), Vector512<float>.One);
        var result = Vector512.ConditionalSelect(Vector512.LessThan(size, Vector512.Create(0.15f)), series, large);
        return Vector512.CopySign(result, x);
    }
}
