using System.Numerics;
using System.Runtime.CompilerServices;
using Afina.Engine.Cpu.Panels;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>fp32 products on any processor: 4 rows by 2 <see cref="Vector{T}"/>, or by 2 numbers at a time where those are but emulated.</summary>
internal sealed unsafe class Fp32PortableKernel(PanelKind panels) : MicroKernel
{
    public override string Name => "portable";

    public override PanelKind Panels => panels;

    public override int Rows => 4;

    public override int Width => 2 * Vector<float>.Count;

    public override int NarrowWidth => Width;

    public override bool AnyRows => false;

    public override void Run(KernelArguments* arguments, int rows, int width)
    {
        if (Vector.IsHardwareAccelerated)
            RunVectors(arguments);
        else
            RunNumbers(arguments);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunVectors(KernelArguments* arguments)
    {
        var left = arguments->Left;
        var tile = (byte*)arguments->Tile;
        var row = arguments->TileStride;
        for (var group = arguments->Groups; group > 0; group--)
        {
            Vector<float> c00, c01;
            Vector<float> c10, c11;
            Vector<float> c20, c21;
            Vector<float> c30, c31;
            c00 = c01 = Vector<float>.Zero;
            c10 = c11 = Vector<float>.Zero;
            c20 = c21 = Vector<float>.Zero;
            c30 = c31 = Vector<float>.Zero;

            for (var s = 0; s < arguments->SegmentCount; s++)
            {
                var a = (float*)(left + arguments->Segments[s].LeftOffset);
                var b = (float*)arguments->Segments[s].Right;
                for (var steps = arguments->Segments[s].Steps; steps > 0; steps--)
                {
                    var b0 = Vector.Load(b);
                    var b1 = Vector.Load(b + Vector<float>.Count);
                    var a0 = Vector.Create(a[0]);
                    c00 = Vector.MultiplyAddEstimate(a0, b0, c00);
                    c01 = Vector.MultiplyAddEstimate(a0, b1, c01);
                    var a1 = Vector.Create(a[1]);
                    c10 = Vector.MultiplyAddEstimate(a1, b0, c10);
                    c11 = Vector.MultiplyAddEstimate(a1, b1, c11);
                    var a2 = Vector.Create(a[2]);
                    c20 = Vector.MultiplyAddEstimate(a2, b0, c20);
                    c21 = Vector.MultiplyAddEstimate(a2, b1, c21);
                    var a3 = Vector.Create(a[3]);
                    c30 = Vector.MultiplyAddEstimate(a3, b0, c30);
                    c31 = Vector.MultiplyAddEstimate(a3, b1, c31);
                    a += 4;
                    b += 2 * Vector<float>.Count;
                }
            }

            if (arguments->Accumulate != 0)
            {
                c00 += Vector.Load((float*)(tile + 0 * row));
                c01 += Vector.Load((float*)(tile + 0 * row) + Vector<float>.Count);
                c10 += Vector.Load((float*)(tile + 1 * row));
                c11 += Vector.Load((float*)(tile + 1 * row) + Vector<float>.Count);
                c20 += Vector.Load((float*)(tile + 2 * row));
                c21 += Vector.Load((float*)(tile + 2 * row) + Vector<float>.Count);
                c30 += Vector.Load((float*)(tile + 3 * row));
                c31 += Vector.Load((float*)(tile + 3 * row) + Vector<float>.Count);
            }

            c00.Store((float*)(tile + 0 * row));
            c01.Store((float*)(tile + 0 * row) + Vector<float>.Count);
            c10.Store((float*)(tile + 1 * row));
            c11.Store((float*)(tile + 1 * row) + Vector<float>.Count);
            c20.Store((float*)(tile + 2 * row));
            c21.Store((float*)(tile + 2 * row) + Vector<float>.Count);
            c30.Store((float*)(tile + 3 * row));
            c31.Store((float*)(tile + 3 * row) + Vector<float>.Count);
            left += arguments->LeftStride;
            tile += 4 * row;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunNumbers(KernelArguments* arguments)
    {
        var width = 2 * Vector<float>.Count;
        var left = arguments->Left;
        var tile = (byte*)arguments->Tile;
        var row = arguments->TileStride;
        for (var group = arguments->Groups; group > 0; group--)
        {
            for (var column = 0; column < width; column += 2)
            {
                float c00, c01, c10, c11, c20, c21, c30, c31;
                c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = 0;
                for (var s = 0; s < arguments->SegmentCount; s++)
                {
                    var a = (float*)(left + arguments->Segments[s].LeftOffset);
                    var b = (float*)arguments->Segments[s].Right + column;
                    for (var steps = arguments->Segments[s].Steps; steps > 0; steps--)
                    {
                        var (b0, b1) = (b[0], b[1]);
                        c00 += a[0] * b0;
                        c01 += a[0] * b1;
                        c10 += a[1] * b0;
                        c11 += a[1] * b1;
                        c20 += a[2] * b0;
                        c21 += a[2] * b1;
                        c30 += a[3] * b0;
                        c31 += a[3] * b1;
                        a += 4;
                        b += width;
                    }
                }

                var to = tile + column * sizeof(float);
                var kept = arguments->Accumulate != 0;
                Store((float*)to, c00, c01, kept);
                Store((float*)(to + row), c10, c11, kept);
                Store((float*)(to + 2 * row), c20, c21, kept);
                Store((float*)(to + 3 * row), c30, c31, kept);
            }

            left += arguments->LeftStride;
            tile += 4 * row;
        }
    }

    private static void Store(float* to, float first, float second, bool kept)
    {
        to[0] = kept ? to[0] + first : first;
        to[1] = kept ? to[1] + second : second;
    }
}
