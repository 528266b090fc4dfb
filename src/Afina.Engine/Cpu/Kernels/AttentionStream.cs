using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Attention of a segment's few queries, as in generation: every key and value is read once, where it lies, for all query heads of
/// its head.</summary>
internal sealed unsafe class AttentionStream
{
    /// <summary>Queries of a segment that go this way.</summary>
    public const int MaxQueries = 4;

    private const int Block = 64;

    private readonly AttentionOptions _options;
    private readonly AttentionSegments _segments;
    private readonly Cells _q;
    private readonly Cells _k;
    private readonly Cells _v;
    private readonly Cells _cachedK;
    private readonly Cells _cachedV;
    private readonly Cells _o;
    private readonly float* _lse;
    private readonly int _group;
    private readonly long _queriesAt, _sumsAt, _maximaAt, _totalsAt, _scoresAt;

    public AttentionStream(AttentionOptions options, AttentionSegments segments, Node node, Memory memory)
    {
        (_options, _segments, _group) = (options, segments, options.Heads / options.KeyValueHeads);
        (_q, _k, _v) = (new Cells(node.Inputs[0]!, memory), new Cells(node.Inputs[1]!, memory), new Cells(node.Inputs[2]!, memory));
        if (node.Inputs[5] is { } keys && node.Inputs[6] is { } values)
            (_cachedK, _cachedV) = (new Cells(keys, memory), new Cells(values, memory));
        _o = new Cells(node.Outputs[0], memory);
        _lse = (float*)memory[node.Outputs[1]];
        var lanes = MaxQueries * _group;
        var scratch = new AttentionScratch();
        _queriesAt = scratch.Take((long)lanes * options.HeadDim * sizeof(float));
        _sumsAt = scratch.Take((long)lanes * options.HeadDim * sizeof(float));
        _maximaAt = scratch.Take(lanes * sizeof(float));
        _totalsAt = scratch.Take(lanes * sizeof(float));
        _scoresAt = scratch.Take(lanes * Block * sizeof(float));
        Bytes = scratch.Bytes;
    }

    /// <summary>Scratch memory of one tile.</summary>
    public long Bytes { get; }

    /// <summary>The queries of a segment before one key and value head.</summary>
    public void Run(int segment, int kv, byte* scratch)
    {
        var (dim, count, query) = (_options.HeadDim, _segments.QueryCount(segment), _segments.FirstQuery(segment));
        var lanes = count * _group;
        float* queries = (float*)(scratch + _queriesAt), sums = (float*)(scratch + _sumsAt);
        float* maxima = (float*)(scratch + _maximaAt), totals = (float*)(scratch + _totalsAt);
        new Span<float>(sums, lanes * dim).Clear();
        new Span<float>(totals, lanes).Clear();
        new Span<float>(maxima, lanes).Fill(float.NegativeInfinity);
        for (var lane = 0; lane < lanes; lane++)
        {
            var at = ((query + lane / _group) * (long)_options.Heads + kv * _group + lane % _group) * dim;
            for (var j = 0; j < dim; j++)
                queries[lane * dim + j] = _q.One(at + j);
        }

        var limits = default(AttentionLimits);
        for (var s = segment; s >= 0; s = _segments[s].Parent)
        {
            var span = _segments[s];
            limits.Set(_segments, segment, query, count, s == segment, span.Length, span.FirstPosition, _options.Window);
            Span(_k, _v, span.Start, kv, lanes, limits, scratch);
            if (span.CacheLength == 0)
                continue;
            limits.Set(_segments, segment, query, count, false, span.CacheLength, 0, _options.Window);
            Span(_cachedK, _cachedV, span.CacheStart, kv, lanes, limits, scratch);
        }

        for (var lane = 0; lane < lanes; lane++)
        {
            var (row, head) = (query + (long)(lane / _group), kv * _group + lane % _group);
            AttentionRows.Store(_o, (row * _options.Heads + head) * dim, sums + lane * dim, dim, 1 / totals[lane], false);
            _lse[row * _options.Heads + head] = maxima[lane] + MathF.Log(totals[lane]);
        }
    }

    private void Span(in Cells k, in Cells v, int start, int kv, int lanes, in AttentionLimits limits, byte* scratch)
    {
        var dim = _options.HeadDim;
        float* queries = (float*)(scratch + _queriesAt), sums = (float*)(scratch + _sumsAt), scores = (float*)(scratch + _scoresAt);
        float* maxima = (float*)(scratch + _maximaAt), totals = (float*)(scratch + _totalsAt);
        for (var block = limits.First / Block * Block; block < limits.End; block += Block)
        {
            var from = Math.Max(block, limits.First);
            var end = Math.Min(block + Block, limits.End);
            new Span<float>(scores, lanes * Block).Fill(float.NegativeInfinity);
            for (var n = from; n < end; n++)
            {
                var at = ((long)(start + n) * _options.KeyValueHeads + kv) * dim;
                for (var lane = 0; lane < lanes; lane++)
                {
                    if (n >= limits.Low[lane / _group] && n <= limits.High[lane / _group])
                        scores[lane * Block + n - block] = AttentionRows.Dot(k, at, queries + lane * dim, dim);
                }
            }

            for (var lane = 0; lane < lanes; lane++)
                AttentionMath.SoftmaxRow(_options, scores + lane * Block, Block, maxima + lane, totals + lane, sums + lane * dim, dim);
            for (var n = from; n < end; n++)
            {
                var at = ((long)(start + n) * _options.KeyValueHeads + kv) * dim;
                for (var lane = 0; lane < lanes; lane++)
                    AttentionRows.Add(v, at, scores[lane * Block + n - block], sums + lane * dim, dim);
            }
        }
    }
}
