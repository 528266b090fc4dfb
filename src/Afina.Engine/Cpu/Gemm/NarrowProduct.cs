using Afina.Engine.Cpu.Panels;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>A product whose outputs are narrow (low-rank terms: U = X Aᵀ, V = dY B): tiles are stretches of rows, the right panels, which
/// are small, are packed once for all of them.</summary>
/// <remarks>Left rows are read in place where the kernel can, otherwise packed by the worker that multiplies them, a piece at a time.</remarks>
internal sealed unsafe class NarrowProduct
{
    /// <summary>The widest output for which this pays.</summary>
    public const int MaxColumns = 64;

    private const int TileRows = 56;
    private const int Piece = 512;

    /// <summary>Rows of a group that is read in place: rows 4 KB apart share one set of a first cache of eight ways or more.</summary>
    private const int DirectRows = 8;

    private readonly ProductSpec _spec;
    private readonly MicroKernel _kernel;
    private readonly PanelSource[] _lefts;
    private readonly NarrowPanel[] _panels;
    private readonly int[][] _outputsByLeft;
    private readonly bool _direct;
    private readonly int _groupRows;
    private readonly long _sumsBytes;
    private readonly long _leftBytes;
    private byte* _shared;
    private byte* _workers;
    private long _workerStride;

    private NarrowProduct(ProductSpec spec, MicroKernel kernel)
    {
        _spec = spec;
        _kernel = kernel;
        _direct = kernel.Reads(spec);
        _groupRows = _direct ? DirectRows : kernel.Rows;
        _lefts = [.. spec.Lefts.Select(l => l.Operand.Source(kernel.Panels, left: true))];
        _panels = [.. Cut(spec, kernel)];
        // Outputs of the same left rows follow each other while those are near.
        _outputsByLeft = [.. Enumerable.Range(0, spec.Outputs.Count).GroupBy(o => spec.Outputs[o].Terms[0].Left).Select(g => g.ToArray())];
        SharedBytes = _panels.Sum(p => p.Bytes);
        var rows = (TileRows + _groupRows - 1) / _groupRows * _groupRows;
        _sumsBytes = rows * MaxColumns * sizeof(float);
        _leftBytes = _direct ? 0 : (long)rows * Piece * sizeof(float);
        WorkerBytes = _sumsBytes + _leftBytes + PanelSource.ScratchBytes(Math.Max(kernel.Width, kernel.Rows));
        for (var r = 1; r <= _groupRows; r++)
        {
            kernel.Prepare(r, kernel.Width, _direct);
            kernel.Prepare(r, kernel.NarrowWidth, _direct);
        }
    }

    public long SharedBytes { get; }

    public long WorkerBytes { get; }

    /// <summary>The narrow form of a product, or null when an output is wide or the inner dimension is counted.</summary>
    public static NarrowProduct? TryCreate(ProductSpec spec, MicroKernel kernel) =>
        spec.Counted == CountedDimension.Rows && spec.Outputs.All(o => o.Columns <= MaxColumns) ? new NarrowProduct(spec, kernel) : null;

    public void Bind(byte* sharedScratch, byte* workerScratch, long stride)
    {
        _shared = sharedScratch;
        _workers = workerScratch;
        _workerStride = stride;
    }

    /// <summary>Phase 0 packs the right panels, phase 1 multiplies.</summary>
    public int Tiles(int phase, int rows) => rows == 0 ? 0 : phase == 0 ? _panels.Length : phase == 1 ? _outputsByLeft.Length * RowTiles(rows) : 0;

    public void Run(int phase, int tile, int rows, int worker)
    {
        var scratch = _workers + worker * _workerStride;
        if (phase == 0)
        {
            var panel = _panels[tile];
            panel.Source.Pack(panel.Column, panel.Columns, panel.Width, panel.Inner, panel.Count, _shared + panel.Offset, scratch + _sumsBytes + _leftBytes);
            return;
        }

        var tiles = RowTiles(rows);
        var (group, part) = (tile / tiles, tile % tiles);
        var first = (int)((long)rows * part / tiles);
        var count = (int)((long)rows * (part + 1) / tiles) - first;
        foreach (var output in _outputsByLeft[group])
            Multiply(output, first, count, scratch);
    }

    private static int RowTiles(int rows) => (rows + TileRows - 1) / TileRows;

    /// <summary>Pieces of the right operands, ordered by output, term, inner piece and column, as <see cref="Multiply"/> reads them.</summary>
    private static IEnumerable<NarrowPanel> Cut(ProductSpec spec, MicroKernel kernel)
    {
        long offset = 0;
        for (var o = 0; o < spec.Outputs.Count; o++)
        {
            var output = spec.Outputs[o];
            foreach (var term in output.Terms)
            {
                var source = term.Right.Source(kernel.Panels, left: false);
                var inner = spec.Lefts[term.Left].Inner;
                for (var k = 0; k < inner; k += Piece)
                {
                    for (var column = 0; column < output.Columns; column += kernel.Width)
                    {
                        var width = output.Columns - column <= kernel.NarrowWidth ? kernel.NarrowWidth : kernel.Width;
                        var count = Math.Min(Piece, inner - k);
                        var panel = new NarrowPanel(o, term.Left, source, column, Math.Min(width, output.Columns - column), width, k, count, (count + kernel.StepElements - 1) / kernel.StepElements, offset);
                        offset += panel.Bytes;
                        yield return panel;
                    }
                }
            }
        }
    }

    private void Multiply(int output, int first, int rows, byte* scratch)
    {
        var sums = (float*)scratch;
        var packed = scratch + _sumsBytes;
        var segment = default(KernelSegment);
        var arguments = new KernelArguments { Segments = &segment, SegmentCount = 1, TileStride = MaxColumns * sizeof(float), Groups = 1 };
        var written = 0;
        foreach (var panel in _panels)
        {
            if (panel.Output != output)
                continue;
            var operand = _spec.Lefts[panel.Left].Operand;
            segment.Right = _shared + panel.Offset;
            segment.Steps = panel.Steps;
            // The first piece of each column writes, the others add.
            arguments.Accumulate = panel.Column < written ? 1 : 0;
            written = Math.Max(written, panel.Column + panel.Columns);
            for (var r = 0; r < rows; r += _groupRows)
            {
                var count = Math.Min(_groupRows, rows - r);
                arguments.Tile = sums + (long)r * MaxColumns + panel.Column;
                if (_direct)
                {
                    segment.LeftRowStride = (long)operand.Stride * sizeof(ushort);
                    segment.LeftOffset = (long)operand.Data + (first + r) * segment.LeftRowStride + (long)panel.Inner * sizeof(ushort);
                    _kernel.RunDirect(&arguments, count, panel.Width);
                    continue;
                }

                var width = _kernel.AnyRows ? count : _groupRows;
                arguments.Left = packed + (long)r * Piece * sizeof(float);
                if (panel.Column == 0)
                    _lefts[panel.Left].Pack(first + r, count, width, panel.Inner, panel.Count, arguments.Left, packed + _leftBytes);
                _kernel.Run(&arguments, width, panel.Width);
            }
        }

        Epilogue.Store(_spec.Outputs[output], sums, MaxColumns, first, rows, 0, _spec.Outputs[output].Columns);
    }
}

/// <summary>A piece of a packed right operand of a narrow product.</summary>
/// <param name="Output">Index of the output.</param>
/// <param name="Left">Index of the left operand.</param>
/// <param name="Source">What it is packed from.</param>
/// <param name="Column">Its first column.</param>
/// <param name="Columns">Columns that the output has of it.</param>
/// <param name="Width">Columns that it has with padding.</param>
/// <param name="Inner">Its first inner element.</param>
/// <param name="Count">Inner elements.</param>
/// <param name="Steps">Steps.</param>
/// <param name="Offset">Where it lies in the shared scratch.</param>
internal sealed record NarrowPanel(int Output, int Left, PanelSource Source, int Column, int Columns, int Width, int Inner, int Count, int Steps, long Offset)
{
    /// <summary>Bytes, in whole cache lines.</summary>
    public long Bytes => ((long)Steps * Width * MicroKernel.StepBytes + 63) & ~63L;
}
