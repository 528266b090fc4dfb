using Afina.Engine.Cpu.Panels;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>One output of a tiled product: its right operands, its passes and its panels.</summary>
internal sealed unsafe class TiledOutput
{
    // Wider tiles read the left less often and write longer rows; narrow outputs need narrow ones, to have enough for all threads.
    private static int PreferredColumns(int columns) => columns > 8192 ? 128 : columns > 1024 ? 64 : 32;

    private readonly MicroKernel _kernel;
    private readonly PanelSource[] _rights;
    private readonly int _maxSteps;
    private readonly int _maxSegments;
    private readonly IReadOnlyList<ProductLeft>? _inPlace;

    /// <param name="inPlace">The left operands, where their rows are read without packing.</param>
    public TiledOutput(ProductOutput spec, Chunk[] chunks, MicroKernel kernel, IReadOnlyList<ProductLeft>? inPlace)
    {
        Spec = spec;
        _inPlace = inPlace;
        _kernel = kernel;
        _rights = [.. spec.Terms.Select(t => t.Right.Source(kernel.Panels, left: false))];
        Passes = [.. chunks.Select(c => ProductPlan.Passes(c, spec.Terms, kernel.StepElements))];
        FirstChunk = Array.FindIndex(Passes, p => p.Length > 0);
        LastChunk = Array.FindLastIndex(Passes, p => p.Length > 0);
        _maxSteps = Passes.Max(c => c.Length == 0 ? 0 : c.Max(p => p.Steps));
        _maxSegments = Passes.Max(c => c.Length == 0 ? 0 : c.Max(p => p.Segments.Length));
        StoredByKernel = kernel.StoresOutputs && IsPlain(spec);
        var unit = kernel.Width;
        TileColumns = Math.Max(unit, PreferredColumns(spec.Columns) / unit * unit);
        Tiles = (spec.Columns + TileColumns - 1) / TileColumns;
        PanelBytes = (long)TileColumns * _maxSteps * MicroKernel.StepBytes;
    }

    public ProductOutput Spec { get; }

    /// <summary>Passes by chunk.</summary>
    public Pass[][] Passes { get; }

    /// <summary>The chunk that begins the sums.</summary>
    public int FirstChunk { get; }

    /// <summary>The chunk that ends them.</summary>
    public int LastChunk { get; }

    /// <summary>Columns of a tile.</summary>
    public int TileColumns { get; }

    /// <summary>Tiles over the columns.</summary>
    public int Tiles { get; }

    /// <summary>Whether the kernel can store finished rows itself.</summary>
    public bool StoredByKernel { get; }

    /// <summary>Bytes of a tile's panels; a multiple of 64.</summary>
    public long PanelBytes { get; }

    /// <summary>Where sums that outlive a chunk lie in the shared scratch.</summary>
    public long SumsOffset { get; set; }

    /// <summary>Bytes of such sums per tile.</summary>
    public long SumsStride { get; set; }

    /// <summary>Whether a run over <paramref name="inner"/> inner elements has work in a chunk; the first chunk always writes.</summary>
    public bool IsActive(int chunk, int inner) =>
        Passes[chunk].Length > 0 && (chunk == FirstChunk || Passes[chunk][0].Segments[0].Inner < inner);

    /// <summary>Whether no later chunk has work.</summary>
    public bool IsLast(int chunk, int inner)
    {
        for (var later = chunk + 1; later <= LastChunk; later++)
        {
            if (IsActive(later, inner))
                return false;
        }

        return true;
    }

    /// <summary>Packs the right panels of a tile for one pass.</summary>
    public void PackPanels(Pass pass, int firstColumn, int columns, int inner, byte* panels, byte* scratch)
    {
        for (var column = 0; column < columns; column += _kernel.Width)
        {
            var width = PanelWidth(columns - column);
            foreach (var segment in pass.Segments)
            {
                var count = Math.Clamp(inner - segment.Inner, 0, segment.Count);
                _rights[segment.Term].Pack(firstColumn + column, Math.Min(width, columns - column), width, segment.Inner, count,
                    panels + (long)segment.RightStep * width * MicroKernel.StepBytes, scratch);
            }

            panels += PanelStride;
        }
    }

    /// <summary>The memory that <see cref="PackPanels"/> will read for a segment.</summary>
    public LinesAhead Lines(Segment segment, int firstColumn, int inner)
    {
        var columns = Math.Min(TileColumns, Spec.Columns - firstColumn);
        return _rights[segment.Term].Lines(firstColumn, columns, segment.Inner, Math.Clamp(inner - segment.Inner, 0, segment.Count));
    }

    /// <summary>Groups of rows of a pass that it takes to ask for what the next one packs: not sooner, or it would be gone from the second cache again.</summary>
    public int GroupsAhead(Pass pass, Pass next, int firstColumn, int inner)
    {
        long lines = 0;
        foreach (var segment in next.Segments)
            lines += Lines(segment, firstColumn, inner).Left;
        var perGroup = _kernel.LinesPerGroup(pass.Steps) * ((TileColumns + _kernel.Width - 1) / _kernel.Width);
        return perGroup == 0 ? 0 : (int)(lines / perGroup * 5 / 4) + 1;
    }

    /// <summary>Multiplies groups of rows, packed or in place, with the panels of a tile.</summary>
    /// <param name="row">The first row.</param>
    /// <param name="stores">Whether the kernel stores them in the output, as they are complete after it.</param>
    /// <param name="ahead">What is packed next.</param>
    /// <returns>How many of the columns the kernel stored in the output itself.</returns>
    public int Multiply(Pass pass, int firstColumn, int columns, int inner, byte* panels, byte* left, long leftStride, int rows, int groups, float* sums, bool accumulate, int row, bool stores, ref LinesAhead ahead)
    {
        var stored = 0;
        var segments = stackalloc KernelSegment[_maxSegments];
        var arguments = new KernelArguments
        {
            Left = left,
            LeftStride = leftStride,
            Segments = segments,
            SegmentCount = pass.Segments.Length,
            TileStride = (long)TileColumns * sizeof(float),
            Groups = groups,
            Accumulate = accumulate ? 1 : 0,
            Ahead = ahead,
        };
        for (var column = 0; column < columns; column += _kernel.Width)
        {
            var width = PanelWidth(columns - column);
            for (var s = 0; s < pass.Segments.Length; s++)
            {
                var segment = pass.Segments[s];
                var count = Math.Clamp(inner - segment.Inner, 0, segment.Count);
                segments[s].LeftOffset = (long)segment.LeftStep * rows * MicroKernel.StepBytes;
                if (_inPlace is not null)
                {
                    var operand = _inPlace[Spec.Terms[segment.Term].Left].Operand;
                    segments[s].LeftRowStride = (long)operand.Stride * sizeof(ushort);
                    segments[s].LeftOffset = (long)operand.Data + row * segments[s].LeftRowStride + (long)segment.Inner * sizeof(ushort);
                }

                segments[s].Right = panels + (long)segment.RightStep * width * MicroKernel.StepBytes;
                segments[s].Steps = (count + _kernel.StepElements - 1) / _kernel.StepElements;
            }

            arguments.Tile = sums + column;
            arguments.Output = null;
            if (stores && columns - column >= width)
            {
                Aim(ref arguments, row, firstColumn + column);
                stored = column + width;
            }

            if (_inPlace is null)
                _kernel.Run(&arguments, rows, width);
            else
                _kernel.RunDirect(&arguments, rows, width);
            panels += PanelStride;
        }

        ahead = arguments.Ahead;
        return stored;
    }

    /// <summary>Whether a kernel that stores outputs can do all that is asked for: no scales and no bias, at most one matrix to add.</summary>
    private static bool IsPlain(ProductOutput output) =>
        output is { IsTransposed: false, Scale: 1, Beta: 0 or 1 } && output.Bias is null && output.ColumnScale is null
        && (output.Residual is not { } residual || (output.Beta == 0 && residual.Type == output.Type));

    private void Aim(ref KernelArguments arguments, int row, int column)
    {
        var bytes = Spec.Type.Bytes();
        arguments.OutputIsBf16 = Spec.Type == DType.BF16 ? 1 : 0;
        arguments.OutputStride = (long)Spec.Stride * bytes;
        arguments.Output = (byte*)Spec.Data + row * arguments.OutputStride + (long)column * bytes;
        arguments.Residual = null;
        if (Spec.Beta == 1)
        {
            arguments.ResidualStride = arguments.OutputStride;
            arguments.Residual = arguments.Output;
        }
        else if (Spec.Residual is { } residual)
        {
            arguments.ResidualStride = (long)residual.Stride * bytes;
            arguments.Residual = residual.Data + row * arguments.ResidualStride + (long)column * bytes;
        }
    }

    private long PanelStride => (long)_kernel.Width * _maxSteps * MicroKernel.StepBytes;

    private int PanelWidth(int columns) => columns <= _kernel.NarrowWidth ? _kernel.NarrowWidth : _kernel.Width;
}
