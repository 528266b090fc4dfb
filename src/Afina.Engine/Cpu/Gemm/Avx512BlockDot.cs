using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Widens 32 elements of a stored row at a time into registers: two with AVX-512, four with AVX2.</summary>
internal unsafe interface IBlockDecoder
{
    /// <summary>Whether the first and the second half of the lanes hold the even and the odd elements instead of the first and the second 16.</summary>
    static abstract bool Paired { get; }

    /// <summary>The first byte of a stored row; what is kept apart from it goes to <paramref name="scratch"/>.</summary>
    byte* Row(int row, float* scratch);

    /// <summary>Elements 32·block to 32·block + 31 of the row at <paramref name="data"/>.</summary>
    void Decode(byte* data, float* scratch, int block, out Vector512<float> first, out Vector512<float> second);

    /// <summary>The same for AVX2.</summary>
    void Decode(byte* data, float* scratch, int block, out Vector256<float> a, out Vector256<float> b, out Vector256<float> c, out Vector256<float> d);
}

/// <summary>Reads blocks directly, each once for all rows: limited by memory, as decoding is.</summary>
internal sealed unsafe class Avx512BlockDot<TDecoder>(TDecoder decoder, int columns) : RowDot
    where TDecoder : struct, IBlockDecoder
{
    private readonly int _blocks = columns / 32;

    public override bool Paired => TDecoder.Paired;

    public override long ScratchBytes => _blocks * sizeof(float);

    public override void Run(int first, int count, float* x, int stride, int rows, float* sums, int sumStride, byte* scratch)
    {
        for (var c = 0; c < count; c++)
            RunRow(first + c, x, stride, rows, sums + c, sumStride, scratch);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void RunRow(int row, float* x, int stride, int rows, float* sums, int sumStride, byte* scratch)
    {
        var local = decoder;
        var data = local.Row(row, (float*)scratch);
        Vector512<float> a0 = default, b0 = default;
        if (rows == 1)
        {
            for (var block = 0; block < _blocks; block++, x += 32)
            {
                local.Decode(data, (float*)scratch, block, out var first, out var second);
                a0 = Avx512F.FusedMultiplyAdd(first, Vector512.Load(x), a0);
                b0 = Avx512F.FusedMultiplyAdd(second, Vector512.Load(x + 16), b0);
            }

            *sums += Sum(a0, b0);
            return;
        }

        // Three rows run as four, the last twice; its copy is not stored.
        Vector512<float> a1 = default, b1 = default, a2 = default, b2 = default, a3 = default, b3 = default;
        var x1 = x + stride;
        if (rows == 2)
        {
            for (var block = 0; block < _blocks; block++, x += 32, x1 += 32)
            {
                local.Decode(data, (float*)scratch, block, out var first, out var second);
                a0 = Avx512F.FusedMultiplyAdd(first, Vector512.Load(x), a0);
                b0 = Avx512F.FusedMultiplyAdd(second, Vector512.Load(x + 16), b0);
                a1 = Avx512F.FusedMultiplyAdd(first, Vector512.Load(x1), a1);
                b1 = Avx512F.FusedMultiplyAdd(second, Vector512.Load(x1 + 16), b1);
            }

            sums[0] += Sum(a0, b0);
            sums[sumStride] += Sum(a1, b1);
            return;
        }

        var x2 = x + 2L * stride;
        var x3 = x + (rows - 1L) * stride;
        for (var block = 0; block < _blocks; block++, x += 32, x1 += 32, x2 += 32, x3 += 32)
        {
            local.Decode(data, (float*)scratch, block, out var first, out var second);
            a0 = Avx512F.FusedMultiplyAdd(first, Vector512.Load(x), a0);
            b0 = Avx512F.FusedMultiplyAdd(second, Vector512.Load(x + 16), b0);
            a1 = Avx512F.FusedMultiplyAdd(first, Vector512.Load(x1), a1);
            b1 = Avx512F.FusedMultiplyAdd(second, Vector512.Load(x1 + 16), b1);
            a2 = Avx512F.FusedMultiplyAdd(first, Vector512.Load(x2), a2);
            b2 = Avx512F.FusedMultiplyAdd(second, Vector512.Load(x2 + 16), b2);
            a3 = Avx512F.FusedMultiplyAdd(first, Vector512.Load(x3), a3);
            b3 = Avx512F.FusedMultiplyAdd(second, Vector512.Load(x3 + 16), b3);
        }

        sums[0] += Sum(a0, b0);
        sums[sumStride] += Sum(a1, b1);
        sums[2L * sumStride] += Sum(a2, b2);
        if (rows == 4)
            sums[3L * sumStride] += Sum(a3, b3);
    }
}
