using Afina.Engine.Cpu.Panels;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>A product by packed panels, for many rows.</summary>
/// <remarks>Rows are cut into blocks, inner dimensions into chunks; for each block and chunk there are two phases: pack the left rows
/// (shared by all workers; without tiles where the kernel reads them in place), then multiply, where a tile is a stretch of columns over a part
/// of the block's rows: its right panels are packed once, by the worker that runs it. Every cut is a constant, so a sum is always added in the
/// same order.</remarks>
internal sealed unsafe class TiledProduct
{
    /// <summary>Rows over which one packing of a right panel is spent; more rows are cut into equal blocks.</summary>
    private const int BlockRows = 2048;

    /// <summary>The most rows of a tile: enough to spend a packing on, few enough for workers to have rows of their own, which they find in their
    /// caches from one operation to the next.</summary>
    private const int PartRows = 1024;

    /// <summary>Narrow outputs have two parts from twice this many rows on: what each core packs is read by that core alone, and no other has to give it up
    /// when it is packed anew. For wider ones packing the right once more costs as much.</summary>
    private const int OwnRows = 256;

    /// <summary>The most columns of narrow outputs.</summary>
    private const int NarrowColumns = 1024;

    /// <summary>Left elements that one tile of a packing phase takes.</summary>
    private const int PackElements = 16384;

    /// <summary>Rows of sums that stay in the first cache between the kernel and the epilogue.</summary>
    private const int BatchRows = 56;

    /// <summary>With fewer rows there is too little computing to ask for what is packed next.</summary>
    private const int AheadRows = 128;

    private readonly ProductSpec _spec;
    private readonly MicroKernel _kernel;
    private readonly PanelSource[] _lefts;
    private readonly Chunk[] _chunks;
    private readonly TiledOutput[] _outputs;
    private readonly bool _direct;
    private readonly bool _isNarrow;
    private readonly int _blockCapacity;
    private readonly long _packedBytes;
    private readonly long _panelBytes;
    private readonly long _tileBytes;
    private byte* _shared;
    private byte* _workers;
    private long _workerStride;

    public TiledProduct(ProductSpec spec, MicroKernel kernel)
    {
        _spec = spec;
        _kernel = kernel;
        _lefts = [.. spec.Lefts.Select(l => l.Operand.Source(kernel.Panels, left: true))];
        _chunks = ProductPlan.Chunks(spec.Lefts, kernel.StepElements);
        _blockCapacity = Math.Min(spec.Rows, BlockRows);
        _direct = kernel.Reads(spec) && spec.Lefts.All(left => FitsFirstCache(left.Operand.Stride * sizeof(ushort)));
        _isNarrow = !_direct && spec.Outputs.Sum(o => o.Columns) <= NarrowColumns;
        _outputs = [.. spec.Outputs.Select(o => new TiledOutput(o, _chunks, kernel, _direct ? spec.Lefts : null))];
        var rows = (_blockCapacity + kernel.Rows - 1) / kernel.Rows * kernel.Rows;
        _packedBytes = _direct ? 0 : Align((long)rows * _chunks.Max(c => c.Steps) * MicroKernel.StepBytes);
        var partRows = (Math.Min(_blockCapacity, PartRows) + 2 * kernel.Rows - 1) / kernel.Rows * kernel.Rows;
        SharedBytes = _packedBytes;
        foreach (var output in _outputs)
        {
            _panelBytes = Math.Max(_panelBytes, output.PanelBytes);
            _tileBytes = Math.Max(_tileBytes, Align((long)partRows * output.TileColumns * sizeof(float)));
            if (output.FirstChunk == output.LastChunk)
                continue;
            output.SumsOffset = SharedBytes;
            output.SumsStride = Align((long)rows * output.TileColumns * sizeof(float));
            SharedBytes += output.SumsStride * output.Tiles;
        }

        WorkerBytes = _panelBytes + _tileBytes + Align(PanelSource.ScratchBytes(Math.Max(kernel.Width, kernel.Rows)));
        PrepareKernels();
    }

    /// <summary>Scratch shared by all workers.</summary>
    public long SharedBytes { get; }

    /// <summary>Scratch of one worker.</summary>
    public long WorkerBytes { get; }

    /// <summary>Phases at full capacity.</summary>
    public int Phases => 2 * _chunks.Length * Blocks(_spec.Rows);

    public void Bind(byte* sharedScratch, byte* workerScratch, long stride)
    {
        _shared = sharedScratch;
        _workers = workerScratch;
        _workerStride = stride;
    }

    /// <summary>Tiles of a phase for this count; zero for phases that it does not need.</summary>
    public int Tiles(int phase, int count)
    {
        var (block, chunk, packing) = At(phase);
        var (rows, inner) = Bound(count);
        if (block >= Blocks(rows))
            return 0;
        var tiles = ColumnTiles(chunk, inner);
        if (!packing)
            return tiles * Parts(RowsOf(block, rows));
        if (_direct || tiles == 0)
            return 0;
        var perTile = GroupsPerTile(chunk);
        return (new RowGroups(RowsOf(block, rows), _kernel).Count + perTile - 1) / perTile;
    }

    public void Run(int phase, int tile, int count, int worker)
    {
        var (block, chunk, packing) = At(phase);
        var (rows, inner) = Bound(count);
        var scratch = _workers + worker * _workerStride;
        if (packing)
        {
            Pack(tile, block, chunk, rows, inner, scratch);
            return;
        }

        var (part, columnTile) = Math.DivRem(tile, ColumnTiles(chunk, inner));
        tile = columnTile;
        foreach (var output in _outputs)
        {
            if (!output.IsActive(chunk, inner))
                continue;
            if (tile < output.Tiles)
            {
                Multiply(output, tile, part, block, chunk, rows, inner, scratch);
                return;
            }

            tile -= output.Tiles;
        }
    }

    private static long Align(long bytes) => (bytes + 63) & ~63L;

    private static int Blocks(int rows) => (rows + BlockRows - 1) / BlockRows;

    private static int FirstRow(int block, int rows) => (int)((long)rows * block / Blocks(rows));

    private static int RowsOf(int block, int rows) => FirstRow(block + 1, rows) - FirstRow(block, rows);

    private int Parts(int rows) => Math.Max((rows + PartRows - 1) / PartRows, _isNarrow && rows >= 2 * OwnRows ? 2 : 1);

    private int ColumnTiles(int chunk, int inner)
    {
        var tiles = 0;
        foreach (var output in _outputs)
            tiles += output.IsActive(chunk, inner) ? output.Tiles : 0;
        return tiles;
    }

    private (int Block, int Chunk, bool Packing) At(int phase) => (phase / (2 * _chunks.Length), phase / 2 % _chunks.Length, phase % 2 == 0);

    private (int Rows, int Inner) Bound(int count) => _spec.Counted == CountedDimension.Rows ? (count, int.MaxValue) : (_spec.Rows, count);

    /// <summary>Whether rows this many bytes apart can be read side by side: few enough of them share one of the first cache's 64 sets, as
    /// common ones have.</summary>
    private bool FitsFirstCache(int stride)
    {
        const int LineBytes = 64, Sets = 64, Ways = 4;
        return Enumerable.Range(0, _kernel.Rows).Select(row => row * stride / LineBytes).Distinct().GroupBy(line => line % Sets).Max(lines => lines.Count()) <= Ways;
    }

    private int GroupsPerTile(int chunk) =>
        Math.Max(1, PackElements / Math.Max(1, _kernel.Rows * _chunks[chunk].Steps * _kernel.StepElements));

    private void Pack(int tile, int block, int chunk, int rows, int inner, byte* scratch)
    {
        var groups = new RowGroups(RowsOf(block, rows), _kernel);
        var first = FirstRow(block, rows);
        var perTile = GroupsPerTile(chunk);
        var end = Math.Min(groups.Count, (tile + 1) * perTile);
        for (var g = tile * perTile; g < end; g++)
        {
            var width = groups.RowsOf(g);
            var start = groups.Start(g);
            var to = _shared + (long)start * _chunks[chunk].Steps * MicroKernel.StepBytes;
            foreach (var piece in _chunks[chunk].Pieces)
            {
                var count = Math.Clamp(inner - piece.Inner, 0, piece.Count);
                _lefts[piece.Left].Pack(first + start, Math.Min(width, groups.Rows - start), width, piece.Inner, count,
                    to + (long)piece.Step * width * MicroKernel.StepBytes, scratch);
            }
        }
    }

    private void Multiply(TiledOutput output, int tile, int rowPart, int block, int chunk, int rows, int inner, byte* scratch)
    {
        var groups = new RowGroups(RowsOf(block, rows), _kernel);
        var firstRow = FirstRow(block, rows);
        var rowParts = Parts(groups.Rows);
        var (firstGroup, endGroup) = (groups.Count * rowPart / rowParts, groups.Count * (rowPart + 1) / rowParts);
        var firstColumn = tile * output.TileColumns;
        var columns = Math.Min(output.TileColumns, output.Spec.Columns - firstColumn);
        var passes = output.Passes[chunk];
        var passCount = 1;
        while (passCount < passes.Length && passes[passCount].Segments[0].Inner < inner)
            passCount++;
        var lastChunk = output.IsLast(chunk, inner);
        var keepsSums = output.FirstChunk != output.LastChunk;
        var sums = (float*)(keepsSums ? _shared + output.SumsOffset + tile * output.SumsStride : scratch + _panelBytes);
        var reusesSums = !keepsSums && passCount == 1;
        var packScratch = scratch + _panelBytes + _tileBytes;

        for (var p = 0; p < passCount; p++)
        {
            var pass = passes[p];
            output.PackPanels(pass, firstColumn, columns, inner, scratch, packScratch);
            var accumulate = p > 0 || chunk != output.FirstChunk;
            var finish = lastChunk && p == passCount - 1;
            // While the kernel computes, what is packed next comes near: the next pass, or the tile that this worker takes next.
            var nextTile = p < passCount - 1 ? tile : tile + 1;
            var nextPass = p < passCount - 1 ? passes[p + 1] : passes[0];
            var segment = groups.Rows >= AheadRows && nextTile < output.Tiles ? 0 : nextPass.Segments.Length;
            var ahead = default(LinesAhead);
            var firstAhead = endGroup - output.GroupsAhead(pass, nextPass, nextTile * output.TileColumns, inner);
            for (var g = firstGroup; g < endGroup;)
            {
                while (g >= firstAhead && ahead.Left <= 0 && segment < nextPass.Segments.Length)
                    ahead = output.Lines(nextPass.Segments[segment++], nextTile * output.TileColumns, inner);
                var width = groups.RowsOf(g);
                var limit = g < groups.LargeCount ? Math.Min(groups.LargeCount, endGroup) : endGroup;
                var batch = Math.Min(limit - g, Math.Max(1, BatchRows / width));
                var start = groups.Start(g);
                var target = reusesSums ? sums : sums + (long)(keepsSums ? start : start - groups.Start(firstGroup)) * output.TileColumns;
                var stores = finish && output.StoredByKernel && (_kernel.AnyRows || start + batch * width <= groups.Rows);
                if (finish && !stores)
                    Epilogue.Prefetch(output.Spec, firstRow + start, Math.Min(batch * width, groups.Rows - start), firstColumn, columns);
                var stored = output.Multiply(pass, firstColumn, columns, inner, scratch,
                    _shared + (long)start * _chunks[chunk].Steps * MicroKernel.StepBytes, (long)width * _chunks[chunk].Steps * MicroKernel.StepBytes,
                    width, batch, target, accumulate, firstRow + start, stores, ref ahead);
                if (finish && stored < columns)
                {
                    Epilogue.Store(output.Spec, target + stored, output.TileColumns, firstRow + start, Math.Min(batch * width, groups.Rows - start),
                        firstColumn + stored, columns - stored);
                }

                g += batch;
            }
        }
    }

    private void PrepareKernels()
    {
        for (var rows = 1; rows <= _kernel.Rows; rows++)
        {
            _kernel.Prepare(rows, _kernel.Width, _direct);
            _kernel.Prepare(rows, _kernel.NarrowWidth, _direct);
        }
    }
}
