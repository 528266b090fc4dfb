using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Cpu.Panels;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>fp32 products with AVX2 and FMA: 6 rows by 16 columns, sums in 12 of the 16 registers.</summary>
internal sealed unsafe class Fp32Avx2Kernel(PanelKind panels) : MicroKernel
{
    /// <summary>How far ahead of the step rows are asked for: long enough for the shared cache. The first bytes of a group lie too far from the one before
    /// for the processor to foresee and are asked for there. (The whole group asked for during the one before: up to 18 % slower on Zen 1.)</summary>
    private const int AheadBytes = 1024;

    private const int LineBytes = 64;

    public override string Name => "avx2";

    public override PanelKind Panels => panels;

    public override int Rows => 6;

    public override int Width => 16;

    public override int NarrowWidth => Width;

    public override bool AnyRows => false;

    public override bool StoresOutputs => true;

    public override int LinesPerGroup(int steps) => LinesAhead.PerGroup;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Run(KernelArguments* arguments, int rows, int width)
    {
        var left = arguments->Left;
        var tile = (byte*)arguments->Tile;
        var row = arguments->TileStride;
        for (var group = arguments->Groups; group > 0; group--)
        {
            arguments->Ahead.Ask();
            FinishedRows.Ask(arguments, 6);
            var next = left + arguments->LeftStride + arguments->Segments[0].LeftOffset;
            for (var ahead = 0; ahead < AheadBytes; ahead += LineBytes)
                Sse.Prefetch0(next + ahead);
            Vector256<float> c00, c01;
            Vector256<float> c10, c11;
            Vector256<float> c20, c21;
            Vector256<float> c30, c31;
            Vector256<float> c40, c41;
            Vector256<float> c50, c51;
            c00 = c01 = Vector256<float>.Zero;
            c10 = c11 = Vector256<float>.Zero;
            c20 = c21 = Vector256<float>.Zero;
            c30 = c31 = Vector256<float>.Zero;
            c40 = c41 = Vector256<float>.Zero;
            c50 = c51 = Vector256<float>.Zero;

            for (var s = 0; s < arguments->SegmentCount; s++)
            {
                var a = (float*)(left + arguments->Segments[s].LeftOffset);
                var b = (float*)arguments->Segments[s].Right;
                for (var steps = arguments->Segments[s].Steps; steps > 0; steps--)
                {
                    Sse.Prefetch0((byte*)a + AheadBytes);
                    var b0 = Vector256.Load(b);
                    var b1 = Vector256.Load(b + 8);
                    var a0 = Vector256.Create(a[0]);
                    c00 = Fma.MultiplyAdd(a0, b0, c00);
                    c01 = Fma.MultiplyAdd(a0, b1, c01);
                    var a1 = Vector256.Create(a[1]);
                    c10 = Fma.MultiplyAdd(a1, b0, c10);
                    c11 = Fma.MultiplyAdd(a1, b1, c11);
                    var a2 = Vector256.Create(a[2]);
                    c20 = Fma.MultiplyAdd(a2, b0, c20);
                    c21 = Fma.MultiplyAdd(a2, b1, c21);
                    var a3 = Vector256.Create(a[3]);
                    c30 = Fma.MultiplyAdd(a3, b0, c30);
                    c31 = Fma.MultiplyAdd(a3, b1, c31);
                    var a4 = Vector256.Create(a[4]);
                    c40 = Fma.MultiplyAdd(a4, b0, c40);
                    c41 = Fma.MultiplyAdd(a4, b1, c41);
                    var a5 = Vector256.Create(a[5]);
                    c50 = Fma.MultiplyAdd(a5, b0, c50);
                    c51 = Fma.MultiplyAdd(a5, b1, c51);
                    a += 6;
                    b += 2 * 8;
                }
            }

            if (arguments->Accumulate != 0)
            {
                c00 += Vector256.Load((float*)(tile + 0 * row));
                c01 += Vector256.Load((float*)(tile + 0 * row) + 8);
                c10 += Vector256.Load((float*)(tile + 1 * row));
                c11 += Vector256.Load((float*)(tile + 1 * row) + 8);
                c20 += Vector256.Load((float*)(tile + 2 * row));
                c21 += Vector256.Load((float*)(tile + 2 * row) + 8);
                c30 += Vector256.Load((float*)(tile + 3 * row));
                c31 += Vector256.Load((float*)(tile + 3 * row) + 8);
                c40 += Vector256.Load((float*)(tile + 4 * row));
                c41 += Vector256.Load((float*)(tile + 4 * row) + 8);
                c50 += Vector256.Load((float*)(tile + 5 * row));
                c51 += Vector256.Load((float*)(tile + 5 * row) + 8);
            }

            if (arguments->Output is not null)
            {
                FinishedRows.Store(arguments, 0, c00, c01);
                FinishedRows.Store(arguments, 1, c10, c11);
                FinishedRows.Store(arguments, 2, c20, c21);
                FinishedRows.Store(arguments, 3, c30, c31);
                FinishedRows.Store(arguments, 4, c40, c41);
                FinishedRows.Store(arguments, 5, c50, c51);
                FinishedRows.Advance(arguments, 6);
            }
            else
            {
                c00.Store((float*)(tile + 0 * row));
                c01.Store((float*)(tile + 0 * row) + 8);
                c10.Store((float*)(tile + 1 * row));
                c11.Store((float*)(tile + 1 * row) + 8);
                c20.Store((float*)(tile + 2 * row));
                c21.Store((float*)(tile + 2 * row) + 8);
                c30.Store((float*)(tile + 3 * row));
                c31.Store((float*)(tile + 3 * row) + 8);
                c40.Store((float*)(tile + 4 * row));
                c41.Store((float*)(tile + 4 * row) + 8);
                c50.Store((float*)(tile + 5 * row));
                c51.Store((float*)(tile + 5 * row) + 8);
            }

            left += arguments->LeftStride;
            tile += 6 * row;
        }
    }
}
