using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Elementary functions of 16 numbers at a time.</summary>
internal static class VectorMath
{
    /// <summary>e^x to about 1 ulp: 2^n · p(r), r = x − n ln 2 in two parts, a polynomial of degree 6 (Cephes' expf). Below −87.3: 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        var tiny = Vector512.LessThan(x, Vector512.Create(-87.33654f));
        var clamped = Vector512.Min(Vector512.Max(x, Vector512.Create(-87.33654f)), Vector512.Create(88.37f));
        var n = Vector512.Floor(Vector512.FusedMultiplyAdd(clamped, Vector512.Create(1.44269504f), Vector512.Create(0.5f)));
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), clamped);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        var p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r + Vector512<float>.One);
        var power = Vector512.ShiftLeft(Vector512.ConvertToInt32(n) + Vector512.Create(127), 23).AsSingle();
        return Vector512.ConditionalSelect(tiny, Vector512<float>.Zero, p * power);
    }

    /// <summary>1 / (1 + e^−x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + Exp(-x));

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
