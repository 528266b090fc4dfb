using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Attention of a segment's few queries, as in generation: every key and value is read once, where it lies, row by row.</summary>
internal sealed unsafe class AttentionStream
{
    /// <summary>Queries of a segment that go this way.</summary>
    public const int MaxQueries = 4;

    private const int Block = 64;
    private const int MinChunk = 256;
    private const int MaxChunks = 16;

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
    private readonly int[] _slots;
    private float* _parts;
    private readonly long _queriesAt, _sumsAt, _maximaAt, _totalsAt, _scoresAt;

    public AttentionStream(AttentionOptions options, AttentionSegments segments, Node node, Memory memory)
    {
        (_options, _segments, _group) = (options, segments, options.Heads / options.KeyValueHeads);
        (_q, _k, _v) = (new Cells(node.Inputs[0]!, memory), new Cells(node.Inputs[1]!, memory), new Cells(node.Inputs[2]!, memory));
        if (node.Inputs[5] is { } keys && node.Inputs[6] is { } values)
            (_cachedK, _cachedV) = (new Cells(keys, memory), new Cells(values, memory));
        _o = new Cells(node.Outputs[0], memory);
        _lse = (float*)memory[node.Outputs[1]];
        var lanes = MaxQueries * options.Heads;
        var scratch = new AttentionScratch();
        _queriesAt = scratch.Take((long)lanes * options.HeadDim * sizeof(float));
        _sumsAt = scratch.Take((long)lanes * options.HeadDim * sizeof(float));
        _maximaAt = scratch.Take(lanes * sizeof(float));
        _totalsAt = scratch.Take(lanes * sizeof(float));
        _scoresAt = scratch.Take(lanes * Block * sizeof(float));
        Bytes = scratch.Bytes;
        _slots = new int[memory.Capacity.Segments];
        if (_cachedK.Exists)
            SharedBytes = (long)memory.Capacity.Segments * MaxQueries * options.Heads * MaxChunks * (options.HeadDim + 2) * sizeof(float);
    }

    /// <summary>Scratch memory of one tile.</summary>
    public long Bytes { get; }

    /// <summary>Memory for what chunks leave behind.</summary>
    public long SharedBytes { get; }

    /// <summary>Gives it that memory.</summary>
    public void Bind(byte* shared) => _parts = (float*)shared;

    /// <summary>Chooses a segment's place there.</summary>
    public void Place(int segment, int slot) => _slots[segment] = slot;

    /// <summary>The most that <see cref="Chunks"/> gives.</summary>
    public int MostChunks => _cachedK.Exists ? MaxChunks : 1;

    /// <summary>Pieces that the keys of a segment are cut into: by its chain alone, so that a row's bits do not depend on other segments.</summary>
    public int Chunks(int segment) => _cachedK.Exists ? Math.Max(1, (Keys(segment) + ChunkSize(segment) - 1) / ChunkSize(segment)) : 1;

    /// <summary>The queries of a segment before one chunk of its keys. Lanes are ordered by key and value head, then query, then query head.</summary>
    public void Run(int segment, int chunk, byte* scratch)
    {
        var (dim, count, query) = (_options.HeadDim, _segments.QueryCount(segment), _segments.FirstQuery(segment));
        var lanes = count * _options.Heads;
        float* queries = (float*)(scratch + _queriesAt), sums = (float*)(scratch + _sumsAt);
        float* maxima = (float*)(scratch + _maximaAt), totals = (float*)(scratch + _totalsAt);
        new Span<float>(sums, lanes * dim).Clear();
        new Span<float>(totals, lanes).Clear();
        new Span<float>(maxima, lanes).Fill(float.NegativeInfinity);
        for (var lane = 0; lane < lanes; lane++)
        {
            var at = At(query, count, lane) * dim;
            for (var j = 0; j < dim; j++)
                queries[lane * dim + j] = _q.One(at + j);
        }

        var chunks = Chunks(segment);
        var from = chunks == 1 ? 0 : chunk * ChunkSize(segment);
        var end = chunks == 1 ? int.MaxValue : from + ChunkSize(segment);
        var limits = default(AttentionLimits);
        for (var s = segment; s >= 0 && end > 0; s = _segments[s].Parent)
        {
            var span = _segments[s];
            limits.Set(_segments, segment, query, count, s == segment, span.Length, span.FirstPosition, _options.Window);
            Span(_k, _v, span.Start, count, &limits, from, end, scratch);
            (from, end) = (from - span.Length, end - span.Length);
            limits.Set(_segments, segment, query, count, false, span.CacheLength, 0, _options.Window);
            Span(_cachedK, _cachedV, span.CacheStart, count, &limits, from, end, scratch);
            (from, end) = (from - span.CacheLength, end - span.CacheLength);
        }

        for (var lane = 0; lane < lanes; lane++)
        {
            var at = At(query, count, lane);
            if (chunks == 1)
            {
                Store(at, maxima[lane], totals[lane], sums + lane * dim);
                continue;
            }

            var part = Part(segment, at, chunk);
            (part[0], part[1]) = (maxima[lane], totals[lane]);
            new ReadOnlySpan<float>(sums + lane * dim, dim).CopyTo(new Span<float>(part + 2, dim));
        }
    }

    /// <summary>Joins the chunks of a segment, in their order.</summary>
    public void Join(int segment, byte* scratch)
    {
        var (dim, first, chunks) = (_options.HeadDim, _segments.FirstQuery(segment), Chunks(segment));
        var sums = (float*)(scratch + _sumsAt);
        for (var at = (long)first * _options.Heads; at < (first + (long)_segments.QueryCount(segment)) * _options.Heads; at++)
        {
            var (maximum, total) = (float.NegativeInfinity, 0f);
            for (var chunk = 0; chunk < chunks; chunk++)
                maximum = Math.Max(maximum, Part(segment, at, chunk)[0]);
            new Span<float>(sums, dim).Clear();
            for (var chunk = 0; chunk < chunks; chunk++)
            {
                var part = Part(segment, at, chunk);
                var share = MathF.Exp(part[0] - maximum);
                total += share * part[1];
                for (var j = 0; j < dim; j++)
                    sums[j] += share * part[2 + j];
            }

            Store(at, maximum, total, sums);
        }
    }

    private float* Part(int segment, long at, int chunk)
    {
        var row = _slots[segment] * MaxQueries + (at / _options.Heads - _segments.FirstQuery(segment));
        return _parts + ((row * _options.Heads + at % _options.Heads) * MaxChunks + chunk) * (_options.HeadDim + 2);
    }

    private void Store(long at, float maximum, float total, float* sums)
    {
        AttentionRows.Store(_o, at * _options.HeadDim, sums, _options.HeadDim, 1 / total, false);
        _lse[at] = maximum + MathF.Log(total);
    }

    /// <summary>Row times heads plus head.</summary>
    private long At(int firstQuery, int count, int lane) =>
        (firstQuery + (long)(lane % (count * _group) / _group)) * _options.Heads + lane / (count * _group) * _group + lane % _group;

    private int Keys(int segment)
    {
        var keys = 0;
        for (var s = segment; s >= 0; s = _segments[s].Parent)
            keys += _segments[s].Length + _segments[s].CacheLength;
        return keys;
    }

    private int ChunkSize(int segment) => Math.Max(MinChunk, (Keys(segment) / MaxChunks + Block) / Block * Block);

    private void Span(in Cells k, in Cells v, int start, int count, AttentionLimits* limits, int from, int end, byte* scratch)
    {
        var (dim, size) = (_options.HeadDim, k.Type == DType.BF16 ? 2 : 4);
        var (group, lanes) = (count * _group, count * _options.Heads);
        float* queries = (float*)(scratch + _queriesAt), sums = (float*)(scratch + _sumsAt), scores = (float*)(scratch + _scoresAt);
        float* maxima = (float*)(scratch + _maximaAt), totals = (float*)(scratch + _totalsAt);
        from = Math.Max(from, limits->First);
        end = Math.Min(end, limits->End);
        var stride = (long)_options.KeyValueHeads * dim * size;
        for (; from < end; from += Block)
        {
            var rows = Math.Min(Block, end - from);
            var at = (start + (long)from) * stride;
            if (size == 2)
                AttentionRows.Scores<Bf16Row>(k.Data + at, stride, rows, queries, lanes, group, dim, scores, Block);
            else
                AttentionRows.Scores<Fp32Row>(k.Data + at, stride, rows, queries, lanes, group, dim, scores, Block);
            for (var lane = 0; lane < lanes; lane++)
            {
                var row = scores + lane * Block;
                var query = lane % group / _group;
                var (low, high) = (limits->Low[query] - from, limits->High[query] - from);
                for (var n = 0; n < low && n < rows; n++)
                    row[n] = float.NegativeInfinity;
                for (var n = Math.Clamp(high + 1, 0, rows); n < Block; n++)
                    row[n] = float.NegativeInfinity;
                AttentionMath.SoftmaxRow(_options, row, Block, maxima + lane, totals + lane, sums + lane * dim, dim);
            }

            if (size == 2)
                AttentionRows.Sums<Bf16Row>(v.Data + at, stride, rows, scores, Block, sums, lanes, group, dim);
            else
                AttentionRows.Sums<Fp32Row>(v.Data + at, stride, rows, scores, Block, sums, lanes, group, dim);
        }
    }
}
