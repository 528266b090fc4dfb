using Afina.Engine.Cpu.Panels;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Planning;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The backward of attention. First everything is packed and δ = Σ do · o; then a tile is either up to 32 queries of a query head,
/// over all keys that they see: dq; or up to 32 keys of a key and value head, over all queries of its segment and the segments below that see
/// them: dk and dv. Probabilities are made anew from log-sum-exp in both.</summary>
internal sealed unsafe class AttentionGradientKernel : Kernel
{
    private readonly AttentionGradient _operation;
    private readonly AttentionOptions _options;
    private readonly Memory _memory;
    private readonly bool[] _adds;
    private readonly AttentionProducts _products;
    private readonly AttentionSegments _segments;
    private readonly PackedHeads _q, _k, _v, _d;
    private readonly Cells _o, _do, _dq, _dk, _dv;
    private readonly float* _lse;
    private readonly float* _delta;
    private readonly AttentionBlocks _keys, _queries;
    private readonly int _group;
    private readonly long _lanesAt, _otherLanesAt, _sumsAt, _otherSumsAt, _scoresAt, _productsAt, _weightsAt, _otherWeightsAt, _statisticsAt, _packAt;

    public AttentionGradientKernel(AttentionGradient operation, Node node, Memory memory)
    {
        (_operation, _options, _memory, _adds) = (operation, operation.Options, memory, node.Adds);
        _group = _options.Heads / _options.KeyValueHeads;
        var (q, k, v, d) = (node.Inputs[0]!, node.Inputs[1]!, node.Inputs[2]!, node.Inputs[7]!);
        _products = new AttentionProducts(_options.HeadDim, q.Type);
        _segments = new AttentionSegments(node, memory);
        _q = new PackedHeads(_products, q, memory, rows: SweepsKeys, columns: operation.Keys);
        _k = new PackedHeads(_products, k, memory, rows: operation.Queries, columns: operation.Queries);
        _v = new PackedHeads(_products, v, memory, rows: operation.Queries, columns: false);
        _d = new PackedHeads(_products, d, memory, rows: operation.Keys, columns: operation.Values);
        (_o, _do) = (new Cells(node.Inputs[5]!, memory), new Cells(d, memory));
        _dq = operation.Queries ? new Cells(node.Outputs[0], memory) : default;
        _dk = operation.Keys ? new Cells(node.Outputs[operation.KeysOutput], memory) : default;
        _dv = operation.Values ? new Cells(node.Outputs[operation.ValuesOutput], memory) : default;
        _lse = (float*)memory[node.Inputs[6]];
        var (rows, queries, segments) = (k.Rows.Of(memory.Capacity), q.Rows.Of(memory.Capacity), memory.Capacity.Segments);
        _keys = new AttentionBlocks(rows, segments, AttentionProducts.Lanes);
        _queries = new AttentionBlocks(queries, segments, AttentionProducts.Lanes);

        var shared = new AttentionScratch();
        foreach (var heads in new[] { _q, _k, _v, _d })
            heads.Bind(memory.SharedScratch + shared.Take(heads.Bytes));
        _delta = (float*)(memory.SharedScratch + shared.Take((long)queries * _options.Heads * sizeof(float)));
        var own = new AttentionScratch();
        _lanesAt = own.Take(_products.LaneBytes);
        _otherLanesAt = own.Take(_products.LaneBytes);
        _sumsAt = own.Take(_products.SumBytes);
        _otherSumsAt = own.Take(_products.SumBytes);
        _scoresAt = own.Take(Math.Max(_products.ScoreBytes, AttentionProducts.Lanes * _options.HeadDim * sizeof(float)));
        _productsAt = own.Take(_products.ScoreBytes);
        _weightsAt = own.Take(_products.WeightBytes);
        _otherWeightsAt = own.Take(_products.WeightBytes);
        _statisticsAt = own.Take(4 * Math.Max(AttentionProducts.Lanes, _products.BlockRows) * sizeof(float));
        _packAt = own.Take(AttentionProducts.PackBytes);
        Scratch = new Scratch(shared.Bytes, own.Bytes);
    }

    public override Scratch Scratch { get; }

    public override int Phases(in Counts counts) => 2;

    public override void Begin(in Counts counts)
    {
        _segments.Begin(counts);
        _keys.Clear();
        _queries.Clear();
        for (var s = _segments.Count - 1; s >= 0; s--)
        {
            _keys.Add(s, _segments[s].Length);
            _queries.Add(s, _segments.QueryCount(s));
        }
    }

    public override int Tiles(int phase, in Counts counts) => phase == 0
        ? KeyPackTiles + PackTiles(_segments.Queries)
        : KeyTiles + QueryTiles + (_segments.CoversAll ? 0 : 1);

    private bool SweepsKeys => _operation.Keys || _operation.Values;

    private int KeyPackTiles => _operation.Queries ? PackTiles(_segments.Rows) : 0;

    private int KeyTiles => SweepsKeys ? _keys.Count * _options.KeyValueHeads : 0;

    private int QueryTiles => _operation.Queries ? _queries.Count * _options.Heads : 0;

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        var scratch = _memory.WorkerScratch(worker);
        var keyTiles = phase == 0 ? KeyPackTiles : KeyTiles;
        var queryTile = tile - keyTiles;
        if (phase == 0 && tile < keyTiles)
            PackKeys(tile * _products.PackedRows, scratch + _packAt);
        else if (phase == 0)
            PackQueries(queryTile * _products.PackedRows, scratch + _packAt);
        else if (tile < keyTiles)
            RunKeys(_keys[tile / _options.KeyValueHeads].Segment, _keys[tile / _options.KeyValueHeads].First, tile % _options.KeyValueHeads, scratch);
        else if (queryTile < QueryTiles)
            RunQueries(_queries[queryTile / _options.Heads].Segment, _queries[queryTile / _options.Heads].First, queryTile % _options.Heads, scratch);
        else
            ClearUncovered();
    }

    private int PackTiles(int rows) => (rows + _products.PackedRows - 1) / _products.PackedRows;

    private void PackKeys(int first, byte* scratch)
    {
        var count = Math.Min(_products.PackedRows, _segments.Rows - first);
        _k.Pack(first, count, _products.Steps(first), scratch);
        _v.Pack(first, count, _products.Steps(first), scratch);
    }

    private void PackQueries(int first, byte* scratch)
    {
        var count = Math.Min(_products.PackedRows, _segments.Queries - first);
        _q.Pack(first, count, _products.Steps(first), scratch);
        _d.Pack(first, count, _products.Steps(first), scratch);
        if (!_operation.Queries && !_operation.Keys)
            return;
        for (var at = (long)first * _options.Heads; at < ((long)first + count) * _options.Heads; at++)
            _delta[at] = AttentionRows.Dot(_do, _o, at * _options.HeadDim, _options.HeadDim);
    }

    private void RunQueries(int segment, int first, int head, byte* scratch)
    {
        var count = Math.Min(AttentionProducts.Lanes, _segments.QueryCount(segment) - first);
        var (query, kv, width) = (_segments.FirstQuery(segment) + first, head / _group, _products.Width(count));
        byte* lanes = scratch + _lanesAt, otherLanes = scratch + _otherLanesAt;
        _q.PackLanes(head, query, count, width, lanes, scratch + _packAt);
        _d.PackLanes(head, query, count, width, otherLanes, scratch + _packAt);
        var lse = (float*)(scratch + _statisticsAt);
        var delta = lse + AttentionProducts.Lanes;
        for (var lane = 0; lane < AttentionProducts.Lanes; lane++)
        {
            lse[lane] = lane < count ? _lse[(query + (long)lane) * _options.Heads + head] : 0;
            delta[lane] = lane < count ? _delta[(query + (long)lane) * _options.Heads + head] : 0;
        }

        float* scores = (float*)(scratch + _scoresAt), products = (float*)(scratch + _productsAt), sums = (float*)(scratch + _sumsAt);
        var weights = _products.Weights(scratch + _weightsAt, width);
        new Span<byte>(sums, (int)_products.SumBytes).Clear();
        var limits = default(AttentionLimits);
        for (var s = segment; s >= 0; s = _segments[s].Parent)
        {
            var span = _segments[s];
            limits.Set(_segments, segment, query, count, s == segment, span.Length, span.FirstPosition, _options.Window);
            var end = limits.End == 0 ? 0 : span.Start + limits.End;
            for (var from = (span.Start + limits.First) / _products.GroupRows * _products.GroupRows; from < end; from += _products.BlockRows)
            {
                var rows = Math.Min(_products.BlockRows, end - from);
                _products.Scores(_k.Rows(kv, from), rows, lanes, width, scores);
                _products.Scores(_v.Rows(kv, from), rows, otherLanes, width, products);
                AttentionGradientMath.Queries(_options, scores, products, from - span.Start, rows, width, &limits, lse, delta, weights);
                _products.Sums(_k.Columns(kv), _products.Steps(from), _k.AllSteps, rows, scratch + _weightsAt, width, sums);
            }
        }

        Store(_dq, query, count, _options.Heads, head, sums, scratch, _adds[0]);
    }

    private void RunKeys(int segment, int first, int kv, byte* scratch)
    {
        var own = _segments[segment];
        var count = Math.Min(AttentionProducts.Lanes, own.Length - first);
        var width = _products.Width(count);
        _k.PackLanes(kv, own.Start + first, count, width, scratch + _lanesAt, scratch + _packAt);
        _v.PackLanes(kv, own.Start + first, count, width, scratch + _otherLanesAt, scratch + _packAt);
        float* sums = (float*)(scratch + _sumsAt), otherSums = (float*)(scratch + _otherSumsAt);
        new Span<byte>(sums, (int)_products.SumBytes).Clear();
        new Span<byte>(otherSums, (int)_products.SumBytes).Clear();
        for (var s = segment; s >= 0; s = _segments.NextBelow(segment, s))
        {
            // Queries before the first key do not see it; those past the window of the last one see none.
            var from = s == segment ? _segments.LowerBound(own.Start + first) : _segments.FirstQuery(s);
            var end = _segments.FirstQuery(s) + _segments.QueryCount(s);
            if (_options.Window > 0)
                end = Math.Min(end, _segments.LowerBound(_segments[s].Start + own.FirstPosition + first + count - 1 + _options.Window - _segments[s].FirstPosition));
            if (from >= end)
                continue;
            for (from = from / _products.GroupRows * _products.GroupRows; from < end; from += _products.BlockRows)
                RunKeys(segment, first, kv, s, from, Math.Min(_products.BlockRows, end - from), width, scratch);
        }

        if (_operation.Keys)
            Store(_dk, own.Start + first, count, _options.KeyValueHeads, kv, sums, scratch, _adds[_operation.KeysOutput]);
        if (_operation.Values)
            Store(_dv, own.Start + first, count, _options.KeyValueHeads, kv, otherSums, scratch, _adds[_operation.ValuesOutput]);
    }

    private void RunKeys(int segment, int first, int kv, int querySegment, int from, int rows, int width, byte* scratch)
    {
        var (own, below) = (_segments[segment], _segments[querySegment]);
        var low = (int*)(scratch + _statisticsAt);
        var high = low + _products.BlockRows;
        var lse = (float*)(high + _products.BlockRows);
        var delta = lse + _products.BlockRows;
        for (var n = 0; n < rows; n++)
        {
            // A group may begin with queries of the segment before: they see nothing here.
            var row = _segments.RowOf(from + n) - below.Start;
            low[n] = row < 0 ? int.MaxValue : _options.Window == 0 ? 0 : below.FirstPosition + row - _options.Window + 1 - own.FirstPosition - first;
            high[n] = querySegment == segment ? row - first : int.MaxValue;
        }

        // The row after an odd last one sees nothing.
        if (rows % 2 != 0)
            (low[rows], high[rows], lse[rows], delta[rows]) = (int.MaxValue, -1, 0, 0);

        // Without dk nothing asks for do · v; what then stands for it reaches no sum.
        float* scores = (float*)(scratch + _scoresAt), products = _operation.Keys ? (float*)(scratch + _productsAt) : scores;
        var (probabilities, gradients) = (_products.Weights(scratch + _weightsAt, width), _products.Weights(scratch + _otherWeightsAt, width));
        var firstStep = _products.Steps(from);
        for (var head = kv * _group; head < (kv + 1) * _group; head++)
        {
            for (var n = 0; n < rows; n++)
            {
                var at = ((long)from + n) * _options.Heads + head;
                (lse[n], delta[n]) = (_lse[at], _operation.Keys ? _delta[at] : 0);
            }

            _products.Scores(_q.Rows(head, from), rows, scratch + _lanesAt, width, scores);
            if (_operation.Keys)
                _products.Scores(_d.Rows(head, from), rows, scratch + _otherLanesAt, width, products);
            AttentionGradientMath.Keys(_options, scores, products, rows, width, low, high, lse, delta, probabilities, gradients);
            if (_operation.Keys)
                _products.Sums(_q.Columns(head), firstStep, _q.AllSteps, rows, scratch + _otherWeightsAt, width, (float*)(scratch + _sumsAt));
            if (_operation.Values)
                _products.Sums(_d.Columns(head), firstStep, _d.AllSteps, rows, scratch + _weightsAt, width, (float*)(scratch + _otherSumsAt));
        }
    }

    private void Store(in Cells to, int row, int count, int heads, int head, float* sums, byte* scratch, bool adds)
    {
        var dim = _options.HeadDim;
        var rows = (float*)(scratch + _scoresAt);
        PanelTransposer.Pack((byte*)sums, AttentionProducts.Lanes * sizeof(float), dim, count, (uint*)rows, dim);
        for (var i = 0; i < count; i++)
            AttentionRows.Store(to, ((row + (long)i) * heads + head) * dim, rows + (long)i * dim, dim, 1, adds);
    }

    private void ClearUncovered()
    {
        for (var i = 0; i < _segments.Queries && _operation.Queries && !_adds[0]; i++)
        {
            if (!_segments.Covers(_segments.RowOf(i)))
                new Span<byte>(_dq.Row(i), (int)(_dq.Row(i + 1) - _dq.Row(i))).Clear();
        }

        for (var row = 0; row < _segments.Rows; row++)
        {
            if (_segments.Covers(row))
                continue;
            if (_operation.Keys && !_adds[_operation.KeysOutput])
                new Span<byte>(_dk.Row(row), (int)(_dk.Row(row + 1) - _dk.Row(row))).Clear();
            if (_operation.Values && !_adds[_operation.ValuesOutput])
                new Span<byte>(_dv.Row(row), (int)(_dv.Row(row + 1) - _dv.Row(row))).Clear();
        }
    }
}
