using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Products of stored rows of a right operand with a few rows of fp32.</summary>
internal abstract unsafe class RowDot
{
    /// <summary>The most rows.</summary>
    public const int MaxRows = 4;

    /// <summary>Whether x is expected with each 32 elements split into the 16 even and the 16 odd ones.</summary>
    public virtual bool Paired => false;

    /// <summary>Scratch that <see cref="Run"/> needs.</summary>
    public virtual long ScratchBytes => 0;

    /// <summary>sums[i * sumStride + c] += stored row (first + c) · x[i], for <paramref name="count"/> stored rows and
    /// <paramref name="rows"/> rows of x that are <paramref name="stride"/> apart.</summary>
    public abstract void Run(int first, int count, float* x, int stride, int rows, float* sums, int sumStride, byte* scratch);

    /// <summary>Adds lanes in a fixed order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static float Sum(Vector512<float> a, Vector512<float> b) => Vector512.Sum(a + b);
}
