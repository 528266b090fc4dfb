using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Planning;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Attention with the softmax over blocks of keys. Keys and values are packed first; then a tile is up to 32 queries of a segment
/// and the query heads of one key and value head. Segments with few queries go another way, <see cref="AttentionStream"/>.</summary>
internal sealed unsafe class AttentionKernel : Kernel
{
    private const int HeadsPerTile = 4;

    private readonly AttentionOptions _options;
    private readonly Memory _memory;
    private readonly AttentionProducts _products;
    private readonly AttentionSegments _segments;
    private readonly AttentionStream _stream;
    private readonly PanelSource _q;
    private readonly PackedHeads _k;
    private readonly PackedHeads _v;
    private readonly PanelSource? _cachedK;
    private readonly PanelSource? _cachedV;
    private readonly Cells _o;
    private readonly float* _lse;
    private readonly AttentionBlocks _packing;
    private readonly AttentionBlocks _queries;
    private readonly int[] _streamed;
    private readonly (int Segment, int Chunk)[] _chunks;
    private readonly bool[] _isPacked;
    private readonly long[] _valueStep;
    private readonly int _group;
    private readonly int _headTiles;
    private readonly long _lanesAt, _sumsAt, _maximaAt, _totalsAt, _scoresAt, _weightsAt, _keysAt, _valuesAt, _packAt, _streamAt;
    private int _streamedCount;
    private int _chunkCount;

    public AttentionKernel(Attention operation, Node node, Memory memory)
    {
        (_options, _memory) = (operation.Options, memory);
        var (q, k, v) = (node.Inputs[0]!, node.Inputs[1]!, node.Inputs[2]!);
        _products = new AttentionProducts(_options.HeadDim, q.Type);
        _segments = new AttentionSegments(node, memory);
        _q = Operand.Dense(memory[q], q.Type, q.Columns).Source(_products.Kind, left: true);
        _k = new PackedHeads(_products, k, memory, rows: true, columns: false);

        // A segment's values begin with a step, so that their sums do not depend on the segments before.
        var most = Math.Min(memory.Capacity.Segments, v.Rows.Of(memory.Capacity));
        _v = new PackedHeads(_products, v, memory, rows: false, columns: true, most * (_products.StepElements - 1));
        if (node.Inputs[5] is { } keys && node.Inputs[6] is { } values)
        {
            _cachedK = Operand.Dense(memory[keys], keys.Type, keys.Columns).Source(_products.Kind, left: true);
            _cachedV = Operand.Dense(memory[values], values.Type, values.Columns).Transposed.Source(_products.Kind, left: true);
        }

        _stream = new AttentionStream(_options, _segments, node, memory);
        _o = new Cells(node.Outputs[0], memory);
        _lse = (float*)memory[node.Outputs[1]];
        var segments = memory.Capacity.Segments;
        _packing = new AttentionBlocks(k.Rows.Of(memory.Capacity), segments, _products.PackedRows);
        _queries = new AttentionBlocks(q.Rows.Of(memory.Capacity), segments, AttentionProducts.Lanes);
        _streamed = new int[segments];
        _chunks = new (int, int)[segments * _stream.MostChunks];
        _isPacked = new bool[segments];
        _valueStep = new long[segments];
        _group = _options.Heads / _options.KeyValueHeads;
        _headTiles = (_group + HeadsPerTile - 1) / HeadsPerTile;

        var shared = new AttentionScratch();
        _k.Bind(memory.SharedScratch + shared.Take(_k.Bytes));
        _v.Bind(memory.SharedScratch + shared.Take(_v.Bytes));
        _stream.Bind(memory.SharedScratch + shared.Take(_stream.SharedBytes));
        var heads = Math.Min(_group, HeadsPerTile);
        var own = new AttentionScratch();
        _lanesAt = own.Take(heads * _products.LaneBytes);
        _sumsAt = own.Take(heads * _products.SumBytes);
        _maximaAt = own.Take(heads * AttentionProducts.Lanes * sizeof(float));
        _totalsAt = own.Take(heads * AttentionProducts.Lanes * sizeof(float));
        _scoresAt = own.Take(Math.Max(_products.ScoreBytes, AttentionProducts.Lanes * _options.HeadDim * sizeof(float)));
        _weightsAt = own.Take(_products.WeightBytes);
        _keysAt = own.Take(_cachedK is null ? 0 : _products.BlockRows * _products.RowBytes);
        _valuesAt = own.Take(_cachedV is null ? 0 : _products.ColumnBytes(_products.BlockRows));
        _packAt = own.Take(AttentionProducts.PackBytes);
        _streamAt = own.Take(_stream.Bytes);
        Scratch = new Scratch(shared.Bytes, own.Bytes);
    }

    public override Scratch Scratch { get; }

    /// <summary>Packing, attention, joining of chunks; in generation there is nothing to pack, and each phase costs a meeting.</summary>
    public override int Phases(in Counts counts) => 1 + (HasPacking ? 1 : 0) + (HasJoining ? 1 : 0);

    public override void Begin(in Counts counts)
    {
        _segments.Begin(counts);
        _packing.Clear();
        _queries.Clear();
        _streamedCount = 0;
        _chunkCount = 0;
        Array.Clear(_isPacked, 0, _segments.Count);
        var step = 0L;
        for (var s = _segments.Count - 1; s >= 0; s--)
        {
            var count = _segments.QueryCount(s);
            var isStreamed = count is > 0 and <= AttentionStream.MaxQueries;
            if (isStreamed)
                AddStreamed(s);
            else
                _queries.Add(s, count);
            _isPacked[s] |= count > 0 && !isStreamed;
            if (!_isPacked[s])
                continue;
            if (_segments[s].Parent >= 0)
                _isPacked[_segments[s].Parent] = true;
            _valueStep[s] = step;
            step += _products.Steps(_segments[s].Length);
            _packing.Add(s, _segments[s].Length);
        }
    }

    private void AddStreamed(int segment)
    {
        _stream.Place(segment, _streamedCount);
        _streamed[_streamedCount++] = segment;
        var chunks = _stream.Chunks(segment);
        for (var chunk = 0; chunk < chunks; chunk++)
            _chunks[_chunkCount++] = (segment, chunk);
    }

    public override int Tiles(int phase, in Counts counts) => (phase + (HasPacking ? 0 : 1)) switch
    {
        0 => KeyPackTiles + _packing.Count,
        1 => QueryTiles + _chunkCount + (_segments.CoversAll ? 0 : 1),
        _ => _streamedCount,
    };

    private bool HasPacking => _packing.Count > 0;

    private bool HasJoining => _chunkCount > _streamedCount;

    private int KeyPackTiles => (_segments.Rows + _products.PackedRows - 1) / _products.PackedRows;

    private int QueryTiles => _queries.Count * _options.KeyValueHeads * _headTiles;

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        var scratch = _memory.WorkerScratch(worker);
        phase += HasPacking ? 0 : 1;
        if (phase == 0 && tile < KeyPackTiles)
        {
            var first = tile * _products.PackedRows;
            _k.Pack(first, Math.Min(_products.PackedRows, _segments.Rows - first), 0, scratch + _packAt);
        }
        else if (phase == 0)
        {
            var (segment, first) = _packing[tile - KeyPackTiles];
            var count = Math.Min(_products.PackedRows, _segments[segment].Length - first);
            _v.Pack(_segments[segment].Start + first, count, _valueStep[segment] + _products.Steps(first), scratch + _packAt);
        }
        else if (phase == 2)
        {
            if (_stream.Chunks(_streamed[tile]) > 1)
                _stream.Join(_streamed[tile], scratch + _streamAt);
        }
        else if (tile < QueryTiles)
        {
            var (segment, first) = _queries[tile / (_options.KeyValueHeads * _headTiles)];
            RunQueries(segment, first, tile / _headTiles % _options.KeyValueHeads, tile % _headTiles * HeadsPerTile, scratch);
        }
        else if (tile < QueryTiles + _chunkCount)
        {
            var (segment, chunk) = _chunks[tile - QueryTiles];
            _stream.Run(segment, chunk, scratch + _streamAt);
        }
        else
        {
            ClearUncovered();
        }
    }

    private void RunQueries(int segment, int first, int kv, int firstHead, byte* scratch)
    {
        var heads = Math.Min(HeadsPerTile, _group - firstHead);
        var count = Math.Min(AttentionProducts.Lanes, _segments.QueryCount(segment) - first);
        var query = _segments.FirstQuery(segment) + first;
        var width = _products.Width(count);
        var head = kv * _group + firstHead;
        for (var h = 0; h < heads; h++)
            _products.PackLanes(_q, query, count, (head + h) * _options.HeadDim, width, scratch + _lanesAt + h * _products.LaneBytes, scratch + _packAt);
        new Span<float>(scratch + _sumsAt, (int)(heads * _products.SumBytes / sizeof(float))).Clear();
        new Span<float>(scratch + _maximaAt, heads * AttentionProducts.Lanes).Fill(float.NegativeInfinity);
        new Span<float>(scratch + _totalsAt, heads * AttentionProducts.Lanes).Clear();

        var limits = default(AttentionLimits);
        for (var s = segment; s >= 0; s = _segments[s].Parent)
        {
            var span = _segments[s];
            limits.Set(_segments, segment, query, count, s == segment, span.Length, span.FirstPosition, _options.Window);
            for (var block = limits.First / _products.BlockRows * _products.BlockRows; block < limits.End; block += _products.BlockRows)
            {
                var from = Math.Max(block, limits.First / _products.GroupRows * _products.GroupRows);
                var shift = (span.Start + from) % _products.GroupRows;
                RunBlock(_k.Rows(kv, span.Start + from - shift), shift, _v.Columns(kv), _valueStep[s] + _products.Steps(from), _v.AllSteps,
                    from, Math.Min(block + _products.BlockRows, limits.End) - from, heads, width, &limits, scratch);
            }

            if (span.CacheLength == 0)
                continue;
            limits.Set(_segments, segment, query, count, false, span.CacheLength, 0, _options.Window);
            for (var block = limits.First / _products.BlockRows * _products.BlockRows; block < limits.End; block += _products.BlockRows)
            {
                var rows = Math.Min(_products.BlockRows, limits.End - block);
                var steps = _products.Steps(rows);
                _products.PackRows(_cachedK!, span.CacheStart + block, rows, kv * _options.HeadDim, scratch + _keysAt, scratch + _packAt);
                _products.PackColumns(_cachedV!, span.CacheStart + block, rows, kv * _options.HeadDim, scratch + _valuesAt, 0, steps, scratch + _packAt);
                RunBlock(scratch + _keysAt, 0, scratch + _valuesAt, 0, steps, block, rows, heads, width, &limits, scratch);
            }
        }

        for (var h = 0; h < heads; h++)
            Store(query, count, head + h, h, scratch);
    }

    private void RunBlock(byte* keys, int shift, byte* values, long firstStep, long allSteps, int first, int rows, int heads, int width, AttentionLimits* limits, byte* scratch)
    {
        var scores = (float*)(scratch + _scoresAt);
        var weights = _products.Weights(scratch + _weightsAt, width);
        for (var h = 0; h < heads; h++)
        {
            var sums = (float*)(scratch + _sumsAt + h * _products.SumBytes);
            _products.Scores(keys, shift + rows, scratch + _lanesAt + h * _products.LaneBytes, width, scores);
            AttentionMath.Softmax(_options, scores + shift * AttentionProducts.Lanes, first, rows, width, limits, (float*)(scratch + _maximaAt) + h * AttentionProducts.Lanes,
                (float*)(scratch + _totalsAt) + h * AttentionProducts.Lanes, sums, _options.HeadDim, weights);
            _products.Sums(values, firstStep, allSteps, rows, scratch + _weightsAt, width, sums);
        }
    }

    private void Store(int query, int count, int head, int h, byte* scratch)
    {
        var dim = _options.HeadDim;
        var rows = (float*)(scratch + _scoresAt);
        PanelTransposer.Pack(scratch + _sumsAt + h * _products.SumBytes, AttentionProducts.Lanes * sizeof(float), dim, count, (uint*)rows, dim);
        for (var i = 0; i < count; i++)
        {
            var total = ((float*)(scratch + _totalsAt))[h * AttentionProducts.Lanes + i];
            var maximum = ((float*)(scratch + _maximaAt))[h * AttentionProducts.Lanes + i];
            AttentionRows.Store(_o, ((query + (long)i) * _options.Heads + head) * dim, rows + (long)i * dim, dim, 1 / total, false);
            _lse[(query + (long)i) * _options.Heads + head] = maximum + MathF.Log(total);
        }
    }

    private void ClearUncovered()
    {
        for (var i = 0; i < _segments.Queries; i++)
        {
            if (_segments.Covers(_segments.RowOf(i)))
                continue;
            new Span<byte>(_o.Row(i), (int)(_o.Row(i + 1) - _o.Row(i))).Clear();
            new Span<float>(_lse + (long)i * _options.Heads, _options.Heads).Fill(float.NegativeInfinity);
        }
    }
}
