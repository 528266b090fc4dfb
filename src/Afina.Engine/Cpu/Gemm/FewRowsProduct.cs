using System.Diagnostics.CodeAnalysis;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Cpu.Panels;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>A product of up to four rows (decoding): every stored element is read once, straight from its block, without packing.</summary>
/// <remarks>The left rows enter rounded as the mode says; the weights with the value that their blocks have.</remarks>
internal sealed unsafe class FewRowsProduct
{
    // Each tile arranges the left rows anew and begins at new memory, so that narrow ones wait more than they balance threads.
    private const int NarrowTile = 96;
    private const int WideTile = 192;
    private const int WideColumns = 1024;

    private readonly ProductSpec _spec;
    private readonly RowDot[][] _dots;
    private readonly int[] _tileColumns;
    private readonly int[] _lengths;
    private readonly long _scratchBytes;
    private readonly MatrixReader[] _readers;
    private byte* _workers;
    private long _workerStride;

    private FewRowsProduct(ProductSpec spec, int lanes, bool sixteenBits)
    {
        _spec = spec;
        _lengths = [.. spec.Lefts.Select(l => (l.Inner + 31) & ~31)];
        var kind = spec.Mode == ComputeMode.Bf16 ? PanelKind.RoundedFp32 : PanelKind.Fp32;
        _readers = [.. spec.Lefts.Select(l => (MatrixReader)new DenseReader(l.Operand.Data, l.Operand.Type, l.Operand.Stride, kind))];
        _dots = [.. spec.Outputs.Select(o => o.Terms.Select(t => RowDots.Of(t.Right, spec.Lefts[t.Left].Inner, lanes, sixteenBits)).ToArray())];
        _tileColumns = [.. spec.Outputs.Select(o => o.Columns >= WideColumns ? WideTile : NarrowTile)];
        _scratchBytes = (_dots.Max(d => d.Max(t => t.ScratchBytes)) + 63) & ~63L;
        WorkerBytes = ((long)RowDot.MaxRows * (_lengths.Max() + WideTile) * sizeof(float)) + _scratchBytes;
    }

    public long WorkerBytes { get; }

    /// <summary>The few-rows form of a product, or null when it has none: counted rows, plain left rows, right operands whose stored rows
    /// are outputs.</summary>
    public static FewRowsProduct? TryCreate(ProductSpec spec, MicroKernel kernel) =>
        spec.Counted == CountedDimension.Rows
        && spec.Lefts.All(l => l.Operand.Weight is null && !l.Operand.IsTransposed)
        && spec.Outputs.All(o => !o.IsTransposed && o.Terms.All(t => t.Right.IsTransposed))
            ? new FewRowsProduct(spec, Lanes(kernel), TakesSixteenBits(spec, kernel))
            : null;

    private static int Lanes(MicroKernel kernel) => kernel.Name switch { "bf16" or "avx512" => 16, "avx2" => 8, _ => 0 };

    // Few rows wait for memory, not for the multiplier: a slow instruction for pairs is good enough for them.
    private static bool TakesSixteenBits(ProductSpec spec, MicroKernel kernel) => kernel.Panels == PanelKind.Bf16
        || (spec.Mode == ComputeMode.Bf16 && (kernel.Name == "avx2" || (kernel.Name == "avx512" && CpuFeatures.Forced is null && Bf16Avx512Kernel.Available)));

    public void Bind(byte* workerScratch, long stride)
    {
        _workers = workerScratch;
        _workerStride = stride;
    }

    public int Tiles()
    {
        var tiles = 0;
        for (var o = 0; o < _tileColumns.Length; o++)
            tiles += TilesOf(o);
        return tiles;
    }

    public void Run(int tile, int rows, int worker)
    {
        var output = 0;
        while (tile >= TilesOf(output))
            tile -= TilesOf(output++);
        var width = _tileColumns[output];
        var target = _spec.Outputs[output];
        var first = tile * width;
        var columns = Math.Min(width, target.Columns - first);
        var sums = (float*)(_workers + worker * _workerStride);
        var scratch = (byte*)(sums + RowDot.MaxRows * WideTile);
        var x = (float*)(scratch + _scratchBytes);
        new Span<float>(sums, rows * width).Clear();
        for (var t = 0; t < target.Terms.Count; t++)
        {
            var dot = _dots[output][t];
            var left = target.Terms[t].Left;
            var stride = _lengths[left];
            _readers[left].Read(0, rows, 0, _spec.Lefts[left].Inner, (byte*)x, stride);
            if (dot.Paired)
            {
                for (var i = 0; i < rows; i++)
                    Pair(x + (long)i * stride, _spec.Lefts[left].Inner);
            }

            dot.Run(first, columns, x, stride, rows, sums, width, scratch);
        }

        Epilogue.Store(target, sums, width, 0, rows, first, columns);
    }

    private int TilesOf(int output) => (_spec.Outputs[output].Columns + _tileColumns[output] - 1) / _tileColumns[output];

    /// <summary>Splits each 32 elements into the 16 even ones and the 16 odd ones; only decoders that need AVX2 or more ask for it.</summary>
    private static void Pair(float* x, int count)
    {
        for (var b = 0; b < count; b += 32)
        {
            var (v0, v1, v2, v3) = (Vector256.Load(x + b), Vector256.Load(x + b + 8), Vector256.Load(x + b + 16), Vector256.Load(x + b + 24));
            Split(v0, v1, 0b10_00_10_00).Store(x + b);
            Split(v2, v3, 0b10_00_10_00).Store(x + b + 8);
            Split(v0, v1, 0b11_01_11_01).Store(x + b + 16);
            Split(v2, v3, 0b11_01_11_01).Store(x + b + 24);
        }
    }

    /// <summary>The elements that the control names in each half of each register, the first register's before the second's.</summary>
    private static Vector256<float> Split(Vector256<float> first, Vector256<float> second, [ConstantExpected] byte control) =>
        Avx2.Permute4x64(Avx.Shuffle(first, second, control).AsDouble(), 0b11_01_10_00).AsSingle();
}
