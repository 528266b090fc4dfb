using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Cpu.Panels;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>fp32 products with AVX-512: 8 rows by 32 columns, sums in 16 registers.</summary>
internal sealed unsafe class Fp32Avx512Kernel(PanelKind panels) : MicroKernel
{
    /// <summary>How far ahead of the step rows are asked for; the first bytes of a group lie too far from the one before for the processor to foresee.</summary>
    private const int AheadBytes = 512;

    private const int LineBytes = 64;

    public override string Name => "avx512";

    public override PanelKind Panels => panels;

    public override int Rows => 8;

    public override int Width => 32;

    public override int NarrowWidth => 16;

    public override bool AnyRows => false;

    public override bool StoresOutputs => true;

    public override int LinesPerGroup(int steps) => LinesAhead.PerGroup;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Run(KernelArguments* arguments, int rows, int width)
    {
        if (width == NarrowWidth)
        {
            RunNarrow(arguments);
            return;
        }

        var left = arguments->Left;
        var tile = (byte*)arguments->Tile;
        var row = arguments->TileStride;
        for (var group = arguments->Groups; group > 0; group--)
        {
            arguments->Ahead.Ask();
            FinishedRows.Ask(arguments, 8);
            var next = left + arguments->LeftStride + arguments->Segments[0].LeftOffset;
            for (var ahead = 0; ahead < AheadBytes; ahead += LineBytes)
                Sse.Prefetch0(next + ahead);
            Vector512<float> c00, c01;
            Vector512<float> c10, c11;
            Vector512<float> c20, c21;
            Vector512<float> c30, c31;
            Vector512<float> c40, c41;
            Vector512<float> c50, c51;
            Vector512<float> c60, c61;
            Vector512<float> c70, c71;
            c00 = c01 = Vector512<float>.Zero;
            c10 = c11 = Vector512<float>.Zero;
            c20 = c21 = Vector512<float>.Zero;
            c30 = c31 = Vector512<float>.Zero;
            c40 = c41 = Vector512<float>.Zero;
            c50 = c51 = Vector512<float>.Zero;
            c60 = c61 = Vector512<float>.Zero;
            c70 = c71 = Vector512<float>.Zero;

            for (var s = 0; s < arguments->SegmentCount; s++)
            {
                var a = (float*)(left + arguments->Segments[s].LeftOffset);
                var b = (float*)arguments->Segments[s].Right;
                for (var steps = arguments->Segments[s].Steps; steps > 0; steps--)
                {
                    Sse.Prefetch0((byte*)a + AheadBytes);
                    var b0 = Vector512.Load(b);
                    var b1 = Vector512.Load(b + 16);
                    var a0 = Vector512.Create(a[0]);
                    c00 = Avx512F.FusedMultiplyAdd(a0, b0, c00);
                    c01 = Avx512F.FusedMultiplyAdd(a0, b1, c01);
                    var a1 = Vector512.Create(a[1]);
                    c10 = Avx512F.FusedMultiplyAdd(a1, b0, c10);
                    c11 = Avx512F.FusedMultiplyAdd(a1, b1, c11);
                    var a2 = Vector512.Create(a[2]);
                    c20 = Avx512F.FusedMultiplyAdd(a2, b0, c20);
                    c21 = Avx512F.FusedMultiplyAdd(a2, b1, c21);
                    var a3 = Vector512.Create(a[3]);
                    c30 = Avx512F.FusedMultiplyAdd(a3, b0, c30);
                    c31 = Avx512F.FusedMultiplyAdd(a3, b1, c31);
                    var a4 = Vector512.Create(a[4]);
                    c40 = Avx512F.FusedMultiplyAdd(a4, b0, c40);
                    c41 = Avx512F.FusedMultiplyAdd(a4, b1, c41);
                    var a5 = Vector512.Create(a[5]);
                    c50 = Avx512F.FusedMultiplyAdd(a5, b0, c50);
                    c51 = Avx512F.FusedMultiplyAdd(a5, b1, c51);
                    var a6 = Vector512.Create(a[6]);
                    c60 = Avx512F.FusedMultiplyAdd(a6, b0, c60);
                    c61 = Avx512F.FusedMultiplyAdd(a6, b1, c61);
                    var a7 = Vector512.Create(a[7]);
                    c70 = Avx512F.FusedMultiplyAdd(a7, b0, c70);
                    c71 = Avx512F.FusedMultiplyAdd(a7, b1, c71);
                    a += 8;
                    b += 2 * 16;
                }
            }

            if (arguments->Accumulate != 0)
            {
                c00 += Vector512.Load((float*)(tile + 0 * row));
                c01 += Vector512.Load((float*)(tile + 0 * row) + 16);
                c10 += Vector512.Load((float*)(tile + 1 * row));
                c11 += Vector512.Load((float*)(tile + 1 * row) + 16);
                c20 += Vector512.Load((float*)(tile + 2 * row));
                c21 += Vector512.Load((float*)(tile + 2 * row) + 16);
                c30 += Vector512.Load((float*)(tile + 3 * row));
                c31 += Vector512.Load((float*)(tile + 3 * row) + 16);
                c40 += Vector512.Load((float*)(tile + 4 * row));
                c41 += Vector512.Load((float*)(tile + 4 * row) + 16);
                c50 += Vector512.Load((float*)(tile + 5 * row));
                c51 += Vector512.Load((float*)(tile + 5 * row) + 16);
                c60 += Vector512.Load((float*)(tile + 6 * row));
                c61 += Vector512.Load((float*)(tile + 6 * row) + 16);
                c70 += Vector512.Load((float*)(tile + 7 * row));
                c71 += Vector512.Load((float*)(tile + 7 * row) + 16);
            }

            if (arguments->Output is not null)
            {
                FinishedRows.Store(arguments, 0, c00, c01);
                FinishedRows.Store(arguments, 1, c10, c11);
                FinishedRows.Store(arguments, 2, c20, c21);
                FinishedRows.Store(arguments, 3, c30, c31);
                FinishedRows.Store(arguments, 4, c40, c41);
                FinishedRows.Store(arguments, 5, c50, c51);
                FinishedRows.Store(arguments, 6, c60, c61);
                FinishedRows.Store(arguments, 7, c70, c71);
                FinishedRows.Advance(arguments, 8);
            }
            else
            {
                c00.Store((float*)(tile + 0 * row));
                c01.Store((float*)(tile + 0 * row) + 16);
                c10.Store((float*)(tile + 1 * row));
                c11.Store((float*)(tile + 1 * row) + 16);
                c20.Store((float*)(tile + 2 * row));
                c21.Store((float*)(tile + 2 * row) + 16);
                c30.Store((float*)(tile + 3 * row));
                c31.Store((float*)(tile + 3 * row) + 16);
                c40.Store((float*)(tile + 4 * row));
                c41.Store((float*)(tile + 4 * row) + 16);
                c50.Store((float*)(tile + 5 * row));
                c51.Store((float*)(tile + 5 * row) + 16);
                c60.Store((float*)(tile + 6 * row));
                c61.Store((float*)(tile + 6 * row) + 16);
                c70.Store((float*)(tile + 7 * row));
                c71.Store((float*)(tile + 7 * row) + 16);
            }

            left += arguments->LeftStride;
            tile += 8 * row;
        }
    }

    /// <summary>8 rows by 16 columns: eight sums are as many as two multiplications a cycle, each four cycles long, keep busy.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunNarrow(KernelArguments* arguments)
    {
        var left = arguments->Left;
        var tile = (byte*)arguments->Tile;
        var row = arguments->TileStride;
        for (var group = arguments->Groups; group > 0; group--)
        {
            arguments->Ahead.Ask();
            FinishedRows.Ask(arguments, 8);
            Vector512<float> c0, c1, c2, c3, c4, c5, c6, c7;
            if (arguments->Accumulate != 0)
            {
                c0 = Vector512.Load((float*)(tile + 0 * row));
                c1 = Vector512.Load((float*)(tile + 1 * row));
                c2 = Vector512.Load((float*)(tile + 2 * row));
                c3 = Vector512.Load((float*)(tile + 3 * row));
                c4 = Vector512.Load((float*)(tile + 4 * row));
                c5 = Vector512.Load((float*)(tile + 5 * row));
                c6 = Vector512.Load((float*)(tile + 6 * row));
                c7 = Vector512.Load((float*)(tile + 7 * row));
            }
            else
            {
                c0 = c1 = c2 = c3 = c4 = c5 = c6 = c7 = Vector512<float>.Zero;
            }

            for (var s = 0; s < arguments->SegmentCount; s++)
            {
                var a = (float*)(left + arguments->Segments[s].LeftOffset);
                var b = (float*)arguments->Segments[s].Right;
                for (var steps = arguments->Segments[s].Steps; steps > 0; steps--)
                {
                    var b0 = Vector512.Load(b);
                    c0 = Avx512F.FusedMultiplyAdd(Vector512.Create(a[0]), b0, c0);
                    c1 = Avx512F.FusedMultiplyAdd(Vector512.Create(a[1]), b0, c1);
                    c2 = Avx512F.FusedMultiplyAdd(Vector512.Create(a[2]), b0, c2);
                    c3 = Avx512F.FusedMultiplyAdd(Vector512.Create(a[3]), b0, c3);
                    c4 = Avx512F.FusedMultiplyAdd(Vector512.Create(a[4]), b0, c4);
                    c5 = Avx512F.FusedMultiplyAdd(Vector512.Create(a[5]), b0, c5);
                    c6 = Avx512F.FusedMultiplyAdd(Vector512.Create(a[6]), b0, c6);
                    c7 = Avx512F.FusedMultiplyAdd(Vector512.Create(a[7]), b0, c7);
                    a += 8;
                    b += 16;
                }
            }

            if (arguments->Output is not null)
            {
                FinishedRows.Store(arguments, 0, 0, c0);
                FinishedRows.Store(arguments, 1, 0, c1);
                FinishedRows.Store(arguments, 2, 0, c2);
                FinishedRows.Store(arguments, 3, 0, c3);
                FinishedRows.Store(arguments, 4, 0, c4);
                FinishedRows.Store(arguments, 5, 0, c5);
                FinishedRows.Store(arguments, 6, 0, c6);
                FinishedRows.Store(arguments, 7, 0, c7);
                FinishedRows.Advance(arguments, 8);
            }
            else
            {
                c0.Store((float*)(tile + 0 * row));
                c1.Store((float*)(tile + 1 * row));
                c2.Store((float*)(tile + 2 * row));
                c3.Store((float*)(tile + 3 * row));
                c4.Store((float*)(tile + 4 * row));
                c5.Store((float*)(tile + 5 * row));
                c6.Store((float*)(tile + 6 * row));
                c7.Store((float*)(tile + 7 * row));
            }

            left += arguments->LeftStride;
            tile += 8 * row;
        }
    }
}
