using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The two products that attention is made of, on the microkernels of matrix products, and the sizes that follow from them.</summary>
/// <remarks>A tile has up to 32 lanes (queries, or in the backward keys), each a column; the other side's rows come in blocks.
/// Scores: tile[row, lane] = Σ_d left[row, d] right[d, lane]. Sums: tile[d, lane] += Σ_row left[d, row] right[row, lane], where the right panel
/// is what became of the scores. Both tiles have 32 floats per row, so nothing between the products is transposed.</remarks>
internal sealed unsafe class AttentionProducts
{
    /// <summary>Lanes of a tile.</summary>
    public const int Lanes = 32;

    /// <summary>Bytes from one row of a tile to the next.</summary>
    private const int TileStride = Lanes * sizeof(float);

    /// <summary>About as many rows of scores as stay in the first cache.</summary>
    private const int MaxBlockRows = 112;

    private readonly MicroKernel _kernel;
    private readonly int _fullDimGroups;
    private readonly int _lastDimRows;

    public AttentionProducts(int headDim, DType activations)
    {
        // Where the processor has no products of bfloat16, rounding probabilities to it would cost digits and time.
        _kernel = MicroKernels.For(Products.Mode(activations)) is { Panels: PanelKind.Bf16 } pairs ? pairs : MicroKernels.For(ComputeMode.Fp32);
        HeadDim = headDim;
        StepElements = _kernel.StepElements;
        GroupRows = _kernel.Rows;
        BlockRows = MaxBlockRows / GroupRows * GroupRows;
        DimSteps = (headDim + StepElements - 1) / StepElements;

        // Groups of 8 are packed by whole registers; 16 sums keep the multipliers busy.
        DimGroupRows = _kernel.AnyRows && headDim % 8 == 0 ? 8 : GroupRows;
        _fullDimGroups = headDim / DimGroupRows;
        var rest = headDim % DimGroupRows;
        _lastDimRows = rest > 0 && !_kernel.AnyRows ? DimGroupRows : rest;
        PaddedDim = _fullDimGroups * DimGroupRows + _lastDimRows;
        foreach (var width in new[] { _kernel.NarrowWidth, _kernel.Width })
        {
            _kernel.Prepare(GroupRows, width);
            _kernel.Prepare(DimGroupRows, width);
            if (_lastDimRows > 0)
                _kernel.Prepare(_lastDimRows, width);
            for (var rows = 1; rows <= GroupRows && _kernel.ReadsRows; rows++)
                _kernel.Prepare(rows, width, direct: true);
        }
    }

    public int HeadDim { get; }

    public PanelKind Kind => _kernel.Panels;

    /// <summary>Rows per step of the second product: 2 for pairs of bfloat16.</summary>
    public int StepElements { get; }

    /// <summary>Rows of a packed group; blocks of rows begin at multiples of it.</summary>
    public int GroupRows { get; }

    /// <summary>Rows that a tile of packing takes, with all their heads: the second copy is then made from the second cache.</summary>
    public int PackedRows => 56 / GroupRows * GroupRows;

    /// <summary>Rows of a block.</summary>
    public int BlockRows { get; }

    /// <summary>Steps of the first product.</summary>
    public int DimSteps { get; }

    /// <summary>Head elements of a packed group; the last group may have fewer.</summary>
    public int DimGroupRows { get; }

    /// <summary>Rows of a tile of sums.</summary>
    public int PaddedDim { get; }

    /// <summary>Bytes of one row, or lane, as the first product reads it.</summary>
    public long RowBytes => (long)DimSteps * MicroKernel.StepBytes;

    /// <summary>Bytes of so many rows as the second product reads them.</summary>
    public long ColumnBytes(long rows) => Steps(rows) * PaddedDim * MicroKernel.StepBytes;

    /// <summary>Bytes of a block's right panels of <see cref="Lanes"/> lanes for the second product.</summary>
    public long WeightBytes => (long)Steps(BlockRows) * Lanes * MicroKernel.StepBytes;

    /// <summary>Bytes of a tile of scores; a block that does not begin with a group takes more groups.</summary>
    public long ScoreBytes => (BlockRows + 2L * GroupRows) * TileStride;

    /// <summary>Bytes of a tile of sums.</summary>
    public long SumBytes => (long)PaddedDim * TileStride;

    /// <summary>Bytes of <see cref="Lanes"/> lanes as the first product reads them.</summary>
    public long LaneBytes => RowBytes * Lanes;

    /// <summary>Scratch memory for packing.</summary>
    public static long PackBytes => PanelSource.ScratchBytes(Lanes);

    /// <summary>Steps of so many rows.</summary>
    public long Steps(long rows) => (rows + StepElements - 1) / StepElements;

    /// <summary>Rows up to a whole group.</summary>
    public int Padded(int rows) => (rows + GroupRows - 1) / GroupRows * GroupRows;

    /// <summary>Lanes that so many take, with padding: 16 or 32.</summary>
    public int Width(int lanes) => lanes <= 16 && _kernel.NarrowWidth <= 16 ? 16 : Lanes;

    /// <summary>Lanes of the narrowest tile.</summary>
    public int LeastWidth => Width(1);

    /// <summary>Lanes of one panel of a tile of this width.</summary>
    public int PanelWidth(int width) => Math.Min(width, _kernel.Width);

    /// <summary>Packs a head of up to 32 rows as lanes.</summary>
    public void PackLanes(PanelSource rows, int firstRow, int count, int firstColumn, int width, byte* destination, byte* scratch)
    {
        var panel = PanelWidth(width);
        for (var lane = 0; lane < width; lane += panel)
            rows.Pack(firstRow + lane, Math.Clamp(count - lane, 0, panel), panel, firstColumn, HeadDim, destination + lane * RowBytes, scratch);
    }

    /// <summary>Packs a head of rows for the first product, a group after the other.</summary>
    public void PackRows(PanelSource rows, int firstRow, int count, int firstColumn, byte* destination, byte* scratch)
    {
        for (var row = 0; row < count; row += GroupRows)
            rows.Pack(firstRow + row, Math.Min(GroupRows, count - row), GroupRows, firstColumn, HeadDim, destination + row * RowBytes, scratch);
    }

    /// <summary>Packs a head of rows for the second product: they become the steps from <paramref name="firstStep"/> on, of <paramref name="allSteps"/>.</summary>
    public void PackColumns(PanelSource columns, int firstRow, int count, int firstColumn, byte* destination, long firstStep, long allSteps, byte* scratch)
    {
        for (var at = 0; at < PaddedDim; at += DimGroupRows)
        {
            var width = Math.Min(DimGroupRows, PaddedDim - at);
            columns.Pack(firstColumn + at, Math.Min(width, HeadDim - at), width, firstRow, count,
                destination + (at * allSteps + firstStep * width) * MicroKernel.StepBytes, scratch);
        }
    }

    /// <summary>tile[row, lane] = Σ_d left[row, d] right[d, lane] for the groups of <paramref name="rows"/> rows.</summary>
    public void Scores(byte* left, int rows, byte* right, int width, float* tile)
    {
        var panel = PanelWidth(width);
        for (var lane = 0; lane < width; lane += panel)
        {
            var inner = new KernelSegment { Right = right + lane * RowBytes, Steps = DimSteps };
            Run(left, GroupRows * RowBytes, &inner, tile + lane, GroupRows, panel, (rows + GroupRows - 1) / GroupRows, false);
        }
    }

    /// <summary>tile[d, lane] += Σ_row left[d, row] right[row, lane].</summary>
    /// <param name="left">Where <see cref="PackColumns"/> put <paramref name="allSteps"/> steps.</param>
    /// <param name="firstStep">The step of the first row.</param>
    /// <param name="rows">Rows of <paramref name="right"/>.</param>
    public void Sums(byte* left, long firstStep, long allSteps, int rows, byte* right, int width, float* tile)
    {
        var panel = PanelWidth(width);
        var steps = Steps(rows);
        for (var lane = 0; lane < width; lane += panel)
        {
            var inner = new KernelSegment { LeftOffset = firstStep * DimGroupRows * MicroKernel.StepBytes, Right = right + PanelOffset(lane, panel), Steps = steps };
            if (_fullDimGroups > 0)
                Run(left, allSteps * DimGroupRows * MicroKernel.StepBytes, &inner, tile + lane, DimGroupRows, panel, _fullDimGroups, true);
            if (_lastDimRows == 0)
                continue;
            var done = _fullDimGroups * DimGroupRows;
            inner.LeftOffset = firstStep * _lastDimRows * MicroKernel.StepBytes;
            Run(left + done * allSteps * MicroKernel.StepBytes, 0, &inner, tile + (long)done * Lanes + lane, _lastDimRows, panel, 1, true);
        }
    }

    /// <summary>Floats of a row that <see cref="Outputs"/> writes: a head, in whole panels.</summary>
    public int OutputColumns => (HeadDim + _kernel.Width - 1) / _kernel.Width * _kernel.Width;

    /// <summary>Bytes of a tile of outputs.</summary>
    public long OutputBytes => (long)GroupRows * OutputColumns * sizeof(float);

    /// <summary>Bytes of a head of keys as right panels, [panel][step][lane].</summary>
    public long PanelBytes(long steps) => steps * OutputColumns * MicroKernel.StepBytes;

    /// <summary>Keys that a query has room for where gradients of scores are kept. Rows in place are an odd number of cache lines apart, so that those
    /// of a group do not share a set of the first cache.</summary>
    public long GradientStride(long keys) => _kernel.ReadsRows ? ((keys + 31) / 32 | 1) * 32 : keys;

    /// <summary>Bytes of a group's kept gradients: rows of bfloat16, or [key][row] in fp32.</summary>
    public long GradientBytes(long stride) => stride * GroupRows * (_kernel.ReadsRows ? sizeof(ushort) : sizeof(float));

    /// <summary>Packs a head of rows as right panels, steps from <paramref name="firstStep"/> on.</summary>
    public void PackPanels(PanelSource rows, int firstRow, int count, int firstColumn, byte* destination, long firstStep, long allSteps, byte* scratch)
    {
        for (var lane = 0; lane < HeadDim; lane += _kernel.Width)
        {
            var width = OutputWidth(lane);
            rows.Pack(firstColumn + lane, Math.Min(width, HeadDim - lane), width, firstRow, count,
                destination + (lane * allSteps + firstStep * width) * MicroKernel.StepBytes, scratch);
        }
    }

    /// <summary>Where gradients of scores are written while they are made: where they are kept, or over the tile that they are made of.</summary>
    public AttentionGradientRows GradientRows(byte* kept, int key, long stride, float* tile) => kept is null ? default
        : _kernel.ReadsRows ? new((nint)(kept + key * sizeof(ushort)), stride * sizeof(ushort)) : new((nint)tile, TileStride);

    /// <summary>Keeps what was written over a tile; rows of bfloat16 are kept already.</summary>
    public void KeepGradients(float* tile, int rows, int width, byte* kept, int key, long stride)
    {
        if (_kernel.ReadsRows)
            return;
        for (var row = 0; row < rows; row += GroupRows, kept += GradientBytes(stride))
        {
            PanelTransposer.Pack((byte*)(tile + (long)row * Lanes), TileStride, Math.Min(GroupRows, rows - row), width,
                (uint*)kept + (long)key * GroupRows, GroupRows);
        }
    }

    /// <summary>tile[row, d] (+)= Σ_key gradient[row, key] panel[key, d] for up to a group of rows.</summary>
    public void Outputs(byte* gradients, int key, long stride, int rows, byte* panels, long firstStep, long allSteps, long steps, float* tile, bool adds)
    {
        for (var lane = 0; lane < HeadDim; lane += _kernel.Width)
        {
            var width = OutputWidth(lane);
            var inner = new KernelSegment { Right = panels + (lane * allSteps + firstStep * width) * MicroKernel.StepBytes, Steps = steps };
            var arguments = new KernelArguments
            {
                Left = gradients,
                Segments = &inner,
                SegmentCount = 1,
                Tile = tile + lane,
                TileStride = OutputColumns * sizeof(float),
                Groups = 1,
                Accumulate = adds ? 1 : 0,
            };
            if (_kernel.ReadsRows)
            {
                (inner.LeftOffset, inner.LeftRowStride) = ((long)gradients + key * sizeof(ushort), stride * sizeof(ushort));
                _kernel.RunDirect(&arguments, rows, width);
            }
            else
            {
                inner.LeftOffset = (long)key * GroupRows * MicroKernel.StepBytes;
                _kernel.Run(&arguments, GroupRows, width);
            }
        }
    }

    /// <summary>Where right panels for the second product go.</summary>
    public AttentionWeights Weights(byte* to, int width)
    {
        var panel = PanelWidth(width);
        return new AttentionWeights((nint)to, Kind, panel * MicroKernel.StepBytes, (int)PanelOffset(16, panel), (int)PanelOffset(8, panel));
    }

    private int OutputWidth(int lane) => HeadDim - lane <= _kernel.NarrowWidth ? _kernel.NarrowWidth : _kernel.Width;

    private long PanelOffset(int lane, int panel) =>
        lane / panel * Steps(BlockRows) * panel * MicroKernel.StepBytes + lane % panel * MicroKernel.StepBytes;

    private void Run(byte* left, long leftStride, KernelSegment* inner, float* tile, int rows, int width, int groups, bool adds)
    {
        var arguments = new KernelArguments
        {
            Left = left,
            LeftStride = leftStride,
            Segments = inner,
            SegmentCount = 1,
            Tile = tile,
            TileStride = TileStride,
            Groups = groups,
            Accumulate = adds ? 1 : 0,
        };
        _kernel.Run(&arguments, rows, width);
    }
}
