using System.Runtime.CompilerServices;

namespace Afina.Engine.Tensors.Blocks;

/// <summary>The roundings and reductions of ggml's quantizers, in fp32 and in its order.</summary>
internal static unsafe class Rounding
{
    /// <summary>Below this largest magnitude a sub-block counts as zero.</summary>
    public const float Nothing = 1e-15f;

    /// <summary>The nearest integer, ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Nearest(float value) => (int)MathF.Round(value);

    /// <summary>The nearest integer, ties to even, kept within bounds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Nearest(float value, int min, int max) => Math.Clamp((int)MathF.Round(value), min, max);

    /// <summary>The value of largest magnitude, with its sign; the first of several.</summary>
    public static float SignedLargest(float* x, int count)
    {
        var magnitude = 0f;
        var signed = 0f;
        for (var i = 0; i < count; i++)
        {
            if (MathF.Abs(x[i]) > magnitude)
                (magnitude, signed) = (MathF.Abs(x[i]), x[i]);
        }

        return signed;
    }

    /// <summary>The smallest and the largest value.</summary>
    public static (float Min, float Max) Range(float* x, int count)
    {
        var (min, max) = (x[0], x[0]);
        for (var i = 1; i < count; i++)
        {
            if (x[i] < min)
                min = x[i];
            if (x[i] > max)
                max = x[i];
        }

        return (min, max);
    }
}
