using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Planning;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The backward of attention. First everything is packed and δ = Σ do · o. Then a tile is up to 32 keys of a key and value head, over all
/// queries of its segment and the segments below that see them: probabilities are made anew from log-sum-exp, dk and dv are summed, and the
/// gradients of the scores are kept. Then a tile is some groups of queries of a query head: dq is those gradients times the keys.</summary>
/// <remarks>Where the gradients of all scores would take too much memory, the last two phases take turns over stretches of the queries.</remarks>
internal sealed unsafe class AttentionGradientKernel : Kernel
{
    /// <summary>Memory for gradients of scores; as much as those of one group of queries need, if that is more.</summary>
    private const long MostGradientBytes = 32 << 20;

    /// <summary>Groups of queries of a tile of dq.</summary>
    private const int TileGroups = 4;

    private readonly AttentionGradient _operation;
    private readonly AttentionOptions _options;
    private readonly Memory _memory;
    private readonly bool[] _adds;
    private readonly AttentionProducts _products;
    private readonly AttentionSegments _segments;
    private readonly PackedHeads _q, _d;
    private readonly PanelSource _k, _v, _keyPanels;
    private readonly Cells _o, _do, _dq, _dk, _dv;
    private readonly float* _lse;
    private readonly float* _delta;
    private readonly byte* _panels;
    private readonly byte* _gradients;
    private readonly byte* _keptSums;
    private readonly long _keySteps;
    private readonly long _gradientCapacity;
    private readonly AttentionBlocks _keys, _groups;
    private readonly int[] _keyStep, _keyOffset, _firstSlot;
    private readonly int _headGroup;
    private readonly long _lanesAt, _otherLanesAt, _sumsAt, _otherSumsAt, _scoresAt, _productsAt, _weightsAt, _otherWeightsAt, _statisticsAt, _outputsAt, _packAt;
    private long _gradientStride;
    private int _slots, _slotsOfTurn, _turns;

    public AttentionGradientKernel(AttentionGradient operation, Node node, Memory memory)
    {
        (_operation, _options, _memory, _adds) = (operation, operation.Options, memory, node.Adds);
        _headGroup = _options.Heads / _options.KeyValueHeads;
        var (q, k, v, d) = (node.Inputs[0]!, node.Inputs[1]!, node.Inputs[2]!, node.Inputs[7]!);
        _products = new AttentionProducts(_options.HeadDim, q.Type);
        _segments = new AttentionSegments(node, memory);
        _q = new PackedHeads(_products, q, memory, rows: true, columns: operation.Keys);
        _d = new PackedHeads(_products, d, memory, rows: NeedsScores, columns: operation.Values);
        var keys = Operand.Dense(memory[k], k.Type, k.Columns);
        _k = keys.Source(_products.Kind, left: true);
        _v = Operand.Dense(memory[v], v.Type, v.Columns).Source(_products.Kind, left: true);
        _keyPanels = keys.Source(_products.Kind, left: false);
        (_o, _do) = (new Cells(node.Inputs[5]!, memory), new Cells(d, memory));
        _dq = operation.Queries ? new Cells(node.Outputs[0], memory) : default;
        _dk = operation.Keys ? new Cells(node.Outputs[operation.KeysOutput], memory) : default;
        _dv = operation.Values ? new Cells(node.Outputs[operation.ValuesOutput], memory) : default;
        _lse = (float*)memory[node.Inputs[6]];
        var (rows, queries) = (k.Rows.Of(memory.Capacity), q.Rows.Of(memory.Capacity));
        var segments = Math.Min(memory.Capacity.Segments, rows);
        _keys = new AttentionBlocks(rows, memory.Capacity.Segments, AttentionProducts.Lanes);

        // A group that two segments share counts for both.
        var slots = queries / _products.GroupRows + 1 + segments;
        _groups = new AttentionBlocks(slots, memory.Capacity.Segments, TileGroups);
        (_keyStep, _keyOffset, _firstSlot) = (new int[memory.Capacity.Segments], new int[memory.Capacity.Segments], new int[memory.Capacity.Segments]);

        var shared = new AttentionScratch();
        foreach (var heads in new[] { _q, _d })
            heads.Bind(memory.SharedScratch + shared.Take(heads.Bytes));
        _delta = (float*)(memory.SharedScratch + shared.Take((long)queries * _options.Heads * sizeof(float)));
        if (operation.Queries)
        {
            _keySteps = _products.Steps(rows) + segments * (_products.StepElements - 1);
            _panels = memory.SharedScratch + shared.Take(_options.KeyValueHeads * _products.PanelBytes(_keySteps));

            // As much as one segment of all rows takes: with more of them there may be more turns.
            long OfSlot(int segments) => _options.Heads * _products.GradientBytes(_products.GradientStride(rows + _products.LeastWidth * segments));
            _gradientCapacity = Math.Max(OfSlot(segments), Math.Min(MostGradientBytes, (queries / _products.GroupRows + 2) * OfSlot(1)));
            _gradients = memory.SharedScratch + shared.Take(_gradientCapacity);
            if (slots * OfSlot(segments) > _gradientCapacity)
                _keptSums = memory.SharedScratch + shared.Take((long)rows * _options.KeyValueHeads * 2 * _products.PaddedDim * sizeof(float));
        }

        var own = new AttentionScratch();
        _lanesAt = own.Take(_products.LaneBytes);
        _otherLanesAt = own.Take(_products.LaneBytes);
        _sumsAt = own.Take(_products.SumBytes);
        _otherSumsAt = own.Take(_products.SumBytes);
        _scoresAt = own.Take(Math.Max(_products.ScoreBytes, AttentionProducts.Lanes * _options.HeadDim * sizeof(float)));
        _productsAt = own.Take(_products.ScoreBytes);
        _weightsAt = own.Take(_products.WeightBytes);
        _otherWeightsAt = own.Take(_products.WeightBytes);
        _statisticsAt = own.Take(4 * (_products.BlockRows + 2) * sizeof(float));
        _outputsAt = own.Take(_products.OutputBytes);
        _packAt = own.Take(AttentionProducts.PackBytes);
        Scratch = new Scratch(shared.Bytes, own.Bytes);
    }

    public override Scratch Scratch { get; }

    public override int Phases(in Counts counts) => 1 + (_operation.Queries ? 2 * _turns : 1);

    public override void Begin(in Counts counts)
    {
        _segments.Begin(counts);
        _keys.Clear();
        _groups.Clear();
        var (step, longest) = (0, 0);
        _slots = 0;
        for (var s = 0; s < _segments.Count; s++)
        {
            var segment = _segments[s];
            _keyStep[s] = step;
            step += (int)_products.Steps(segment.Length);
            _keyOffset[s] = segment.Parent < 0 ? 0 : EndOfKeys(segment.Parent);
            longest = Math.Max(longest, EndOfKeys(s));
            _firstSlot[s] = _slots;
            _slots += GroupCount(s);
        }

        for (var s = _segments.Count - 1; s >= 0; s--)
        {
            _keys.Add(s, _segments[s].Length);
            _groups.Add(s, GroupCount(s));
        }

        _gradientStride = _products.GradientStride(longest);
        _slotsOfTurn = _operation.Queries ? (int)Math.Clamp(_gradientCapacity / (_options.Heads * _products.GradientBytes(Math.Max(_gradientStride, 1))), 1, Math.Max(_slots, 1)) : Math.Max(_slots, 1);
        _turns = Math.Max(1, (_slots + _slotsOfTurn - 1) / _slotsOfTurn);
    }

    public override int Tiles(int phase, in Counts counts) => phase == 0
        ? (_operation.Queries ? _keys.Count : 0) + (_segments.Queries + _products.PackedRows - 1) / _products.PackedRows
        : phase % 2 == 0 ? _groups.Count * _options.Heads
        : _keys.Count * _options.KeyValueHeads + (phase > 1 || _segments.CoversAll ? 0 : 1);

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        var scratch = _memory.WorkerScratch(worker);
        var turn = (phase - 1) / 2;
        if (phase == 0)
        {
            var keys = _operation.Queries ? _keys.Count : 0;
            if (tile < keys)
                PackKeys(_keys[tile].Segment, _keys[tile].First, scratch + _packAt);
            else
                PackQueries((tile - keys) * _products.PackedRows, scratch + _packAt);
        }
        else if (phase % 2 == 0)
        {
            var (segment, first) = _groups[tile / _options.Heads];
            for (var group = first; group < Math.Min(first + TileGroups, GroupCount(segment)); group++)
                RunQueries(segment, group, tile % _options.Heads, turn, scratch);
        }
        else if (tile < _keys.Count * _options.KeyValueHeads)
        {
            RunKeys(tile, turn, scratch);
        }
        else
        {
            ClearUncovered();
        }
    }

    /// <summary>Whether gradients of scores are needed; otherwise probabilities are enough.</summary>
    private bool NeedsScores => _operation.Queries || _operation.Keys;

    /// <summary>Where the keys of a segment end among all that its queries see: whole tiles are kept.</summary>
    private int EndOfKeys(int segment) => _keyOffset[segment] + (_segments[segment].Length + _products.LeastWidth - 1) / _products.LeastWidth * _products.LeastWidth;

    /// <summary>The first group with a query of the segment, of all in the batch.</summary>
    private int FirstGroup(int segment) => _segments.FirstQuery(segment) / _products.GroupRows;

    private int GroupCount(int segment) => _segments.QueryCount(segment) == 0 ? 0
        : (_segments.FirstQuery(segment) + _segments.QueryCount(segment) + _products.GroupRows - 1) / _products.GroupRows - FirstGroup(segment);

    /// <summary>Where a group's gradients lie, or null when it has another turn.</summary>
    private byte* Gradients(int head, int slot, int turn) => slot / _slotsOfTurn != turn ? null
        : _gradients + ((long)head * _slotsOfTurn + slot % _slotsOfTurn) * _products.GradientBytes(_gradientStride);

    private void PackKeys(int segment, int first, byte* scratch)
    {
        var own = _segments[segment];
        for (var kv = 0; kv < _options.KeyValueHeads; kv++)
        {
            _products.PackPanels(_keyPanels, own.Start + first, Math.Min(AttentionProducts.Lanes, own.Length - first), kv * _options.HeadDim,
                KeyPanels(kv), _keyStep[segment] + _products.Steps(first), _keySteps, scratch);
        }
    }

    private byte* KeyPanels(int kv) => _panels + kv * _products.PanelBytes(_keySteps);

    private void PackQueries(int first, byte* scratch)
    {
        var count = Math.Min(_products.PackedRows, _segments.Queries - first);
        _q.Pack(first, count, _products.Steps(first), scratch);
        _d.Pack(first, count, _products.Steps(first), scratch);
        if (!NeedsScores)
            return;
        for (var at = (long)first * _options.Heads; at < ((long)first + count) * _options.Heads; at++)
            _delta[at] = AttentionRows.Dot(_do, _o, at * _options.HeadDim, _options.HeadDim);
    }

    private void RunQueries(int segment, int group, int head, int turn, byte* scratch)
    {
        var gradients = Gradients(head, _firstSlot[segment] + group, turn);
        if (gradients is null)
            return;
        var begin = (FirstGroup(segment) + group) * _products.GroupRows;
        var first = Math.Max(begin, _segments.FirstQuery(segment));
        var end = Math.Min(begin + _products.GroupRows, _segments.FirstQuery(segment) + _segments.QueryCount(segment));
        var own = _segments[segment];
        var (firstRow, lastRow) = (_segments.RowOf(first) - own.Start, _segments.RowOf(end - 1) - own.Start);
        var outputs = (float*)(scratch + _outputsAt);
        var adds = false;
        for (var s = segment; s >= 0; s = _segments[s].Parent)
        {
            var span = _segments[s];
            var low = _options.Window == 0 ? 0 : Math.Max(0, own.FirstPosition + firstRow - _options.Window + 1 - span.FirstPosition);
            var high = s == segment ? lastRow + 1 : span.Length;
            if (low >= high)
                continue;
            low = low / AttentionProducts.Lanes * AttentionProducts.Lanes;
            _products.Outputs(gradients, _keyOffset[s] + low, _gradientStride, end - begin, KeyPanels(head / _headGroup), _keyStep[s] + _products.Steps(low), _keySteps,
                _products.Steps(high - low), outputs, adds);
            adds = true;
        }

        for (var i = first; i < end; i++)
            AttentionRows.Store(_dq, ((long)i * _options.Heads + head) * _options.HeadDim, outputs + (i - begin) * _products.OutputColumns, _options.HeadDim, 1, _adds[0]);
    }

    private void RunKeys(int tile, int turn, byte* scratch)
    {
        var ((segment, first), kv) = (_keys[tile / _options.KeyValueHeads], tile % _options.KeyValueHeads);
        var own = _segments[segment];
        var count = Math.Min(AttentionProducts.Lanes, own.Length - first);
        var width = _products.Width(count);
        _products.PackLanes(_k, own.Start + first, count, kv * _options.HeadDim, width, scratch + _lanesAt, scratch + _packAt);
        _products.PackLanes(_v, own.Start + first, count, kv * _options.HeadDim, width, scratch + _otherLanesAt, scratch + _packAt);
        float* sums = (float*)(scratch + _sumsAt), otherSums = (float*)(scratch + _otherSumsAt);
        if (turn == 0)
        {
            new Span<byte>(sums, (int)_products.SumBytes).Clear();
            new Span<byte>(otherSums, (int)_products.SumBytes).Clear();
        }
        else
        {
            KeepSums(own.Start + first, count, kv, sums, otherSums, restore: true);
        }

        for (var s = segment; s >= 0; s = _segments.NextBelow(segment, s))
        {
            // Queries before the first key do not see it; those past the window of the last one see none. Groups keep the gradients of all their
            // queries, even of those between the ones and the others.
            var all = _segments.FirstQuery(s) + _segments.QueryCount(s);
            var (from, end) = (s == segment ? _segments.LowerBound(own.Start + first) : _segments.FirstQuery(s), all);
            if (from >= all)
                continue;
            if (_options.Window > 0)
                end = Math.Min(all, _products.Padded(_segments.LowerBound(_segments[s].Start + own.FirstPosition + first + count - 1 + _options.Window - _segments[s].FirstPosition)));
            from = Math.Max(from / _products.GroupRows, FirstGroup(s) + turn * _slotsOfTurn - _firstSlot[s]) * _products.GroupRows;
            end = Math.Min(end, (int)Math.Min(int.MaxValue, (FirstGroup(s) + (turn + 1L) * _slotsOfTurn - _firstSlot[s]) * _products.GroupRows));
            for (; from < end; from += _products.BlockRows)
                RunKeys(segment, first, count, kv, s, from, Math.Min(_products.BlockRows, end - from), width, turn, sums, otherSums, scratch);
        }

        if (turn < _turns - 1)
        {
            KeepSums(own.Start + first, count, kv, sums, otherSums, restore: false);
            return;
        }

        if (_operation.Keys)
            Store(_dk, own.Start + first, count, _options.KeyValueHeads, kv, sums, scratch, _adds[_operation.KeysOutput]);
        if (_operation.Values)
            Store(_dv, own.Start + first, count, _options.KeyValueHeads, kv, otherSums, scratch, _adds[_operation.ValuesOutput]);
    }

    /// <summary>Keeps the sums of a tile for its next turn, or takes them back.</summary>
    private void KeepSums(int row, int count, int kv, float* sums, float* otherSums, bool restore)
    {
        var kept = (float*)_keptSums + ((long)row * _options.KeyValueHeads + (long)kv * count) * 2 * _products.PaddedDim;
        for (var d = 0; d < 2 * _products.PaddedDim; d++, kept += count)
        {
            var lanes = new Span<float>((d < _products.PaddedDim ? sums + d * AttentionProducts.Lanes : otherSums + (d - _products.PaddedDim) * AttentionProducts.Lanes), count);
            if (restore)
                new Span<float>(kept, count).CopyTo(lanes);
            else
                lanes.CopyTo(new Span<float>(kept, count));
        }
    }

    private void RunKeys(int segment, int first, int count, int kv, int querySegment, int from, int rows, int width, int turn, float* sums, float* otherSums, byte* scratch)
    {
        var (own, below) = (_segments[segment], _segments[querySegment]);
        var low = (int*)(scratch + _statisticsAt);
        var high = low + _products.BlockRows + 2;
        var lse = (float*)(high + _products.BlockRows + 2);
        var delta = lse + _products.BlockRows + 2;
        for (var n = 0; n < rows; n++)
        {
            // A group may begin with queries of the segment before: they see nothing here.
            var row = _segments.RowOf(from + n) - below.Start;
            low[n] = row < 0 ? int.MaxValue : _options.Window == 0 ? 0 : below.FirstPosition + row - _options.Window + 1 - own.FirstPosition - first;
            high[n] = querySegment == segment ? Math.Min(row - first, count - 1) : count - 1;
        }

        // The row after an odd last one sees nothing.
        if (rows % 2 != 0)
            (low[rows], high[rows], lse[rows], delta[rows]) = (int.MaxValue, -1, 0, 0);

        // Where only dv is asked for, what stands for do · v reaches no sum.
        float* scores = (float*)(scratch + _scoresAt), products = NeedsScores ? (float*)(scratch + _productsAt) : scores;
        var (probabilities, gradients) = (_products.Weights(scratch + _weightsAt, width), _products.Weights(scratch + _otherWeightsAt, width));
        var firstStep = _products.Steps(from);
        var slot = _firstSlot[querySegment] + from / _products.GroupRows - FirstGroup(querySegment);
        for (var head = kv * _headGroup; head < (kv + 1) * _headGroup; head++)
        {
            for (var n = 0; n < rows; n++)
            {
                var at = ((long)from + n) * _options.Heads + head;
                (lse[n], delta[n]) = (_lse[at], NeedsScores ? _delta[at] : 0);
            }

            _products.Scores(_q.Rows(head, from), rows, scratch + _lanesAt, width, scores);
            if (NeedsScores)
                _products.Scores(_d.Rows(head, from), rows, scratch + _otherLanesAt, width, products);
            var kept = _operation.Queries ? Gradients(head, slot, turn) : null;
            AttentionGradientMath.Keys(_options, scores, products, rows, width, low, high, lse, delta, probabilities, gradients,
                _products.GradientRows(kept, _keyOffset[segment] + first, _gradientStride, products));
            if (kept is not null)
                _products.KeepGradients(products, rows, width, kept, _keyOffset[segment] + first, _gradientStride);
            if (_operation.Keys)
                _products.Sums(_q.Columns(head), firstStep, _q.AllSteps, rows, scratch + _otherWeightsAt, width, sums);
            if (_operation.Values)
                _products.Sums(_d.Columns(head), firstStep, _d.AllSteps, rows, scratch + _weightsAt, width, otherSums);
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
