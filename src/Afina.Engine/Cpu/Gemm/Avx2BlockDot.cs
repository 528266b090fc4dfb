using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>What <see cref="Avx512BlockDot{TDecoder}"/> does, with AVX2.</summary>
internal sealed unsafe class Avx2BlockDot<TDecoder>(TDecoder decoder, int columns) : RowDot
    where TDecoder : struct, IBlockDecoder
{
    private readonly int _blocks = columns / 32;

    public override bool Paired => TDecoder.Paired;

    public override long ScratchBytes => _blocks * sizeof(float);

    public override void Run(int first, int count, float* x, int stride, int rows, float* sums, int sumStride, byte* scratch)
    {
        for (var c = 0; c < count; c++)
            RunRow(first + c, x, stride, rows, sums + c, sumStride, (float*)scratch);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void RunRow(int row, float* x, int stride, int rows, float* sums, int sumStride, float* scratch)
    {
        var local = decoder;
        var data = local.Row(row, scratch);
        Vector256<float> a0 = default, b0 = default;
        if (rows == 1)
        {
            for (var block = 0; block < _blocks; block++, x += 32)
            {
                local.Decode(data, scratch, block, out var a, out var b, out var c, out var d);
                a0 = Fma.MultiplyAdd(c, Vector256.Load(x + 16), Fma.MultiplyAdd(a, Vector256.Load(x), a0));
                b0 = Fma.MultiplyAdd(d, Vector256.Load(x + 24), Fma.MultiplyAdd(b, Vector256.Load(x + 8), b0));
            }

            *sums += Vector256.Sum(a0 + b0);
            return;
        }

        // Two and three rows run as four, the last several times; its copies are not stored.
        Vector256<float> a1 = default, b1 = default, a2 = default, b2 = default, a3 = default, b3 = default;
        var x1 = x + stride;
        var x2 = x + (long)Math.Min(2, rows - 1) * stride;
        var x3 = x + (rows - 1L) * stride;
        for (var block = 0; block < _blocks; block++, x += 32, x1 += 32, x2 += 32, x3 += 32)
        {
            local.Decode(data, scratch, block, out var a, out var b, out var c, out var d);
            a0 = Fma.MultiplyAdd(c, Vector256.Load(x + 16), Fma.MultiplyAdd(a, Vector256.Load(x), a0));
            b0 = Fma.MultiplyAdd(d, Vector256.Load(x + 24), Fma.MultiplyAdd(b, Vector256.Load(x + 8), b0));
            a1 = Fma.MultiplyAdd(c, Vector256.Load(x1 + 16), Fma.MultiplyAdd(a, Vector256.Load(x1), a1));
            b1 = Fma.MultiplyAdd(d, Vector256.Load(x1 + 24), Fma.MultiplyAdd(b, Vector256.Load(x1 + 8), b1));
            a2 = Fma.MultiplyAdd(c, Vector256.Load(x2 + 16), Fma.MultiplyAdd(a, Vector256.Load(x2), a2));
            b2 = Fma.MultiplyAdd(d, Vector256.Load(x2 + 24), Fma.MultiplyAdd(b, Vector256.Load(x2 + 8), b2));
            a3 = Fma.MultiplyAdd(c, Vector256.Load(x3 + 16), Fma.MultiplyAdd(a, Vector256.Load(x3), a3));
            b3 = Fma.MultiplyAdd(d, Vector256.Load(x3 + 24), Fma.MultiplyAdd(b, Vector256.Load(x3 + 8), b3));
        }

        sums[0] += Vector256.Sum(a0 + b0);
        sums[sumStride] += Vector256.Sum(a1 + b1);
        if (rows > 2)
            sums[2L * sumStride] += Vector256.Sum(a2 + b2);
        if (rows > 3)
            sums[3L * sumStride] += Vector256.Sum(a3 + b3);
    }
}
