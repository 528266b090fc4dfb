using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The backward of attention: δ, then dq by query row, then dk and dv by key row.</summary>
internal sealed unsafe class AttentionGradientKernel(AttentionGradient operation, Node node, Memory memory) : Kernel
{
    private readonly AttentionOptions _options = operation.Options;
    private readonly AttentionSegments _segments = new(node, memory);
    private readonly int[] _segmentOf = new int[node.Inputs[1]!.Rows.Of(memory.Capacity)];
    private readonly Cells _q = new(node.Inputs[0]!, memory);
    private readonly Cells _k = new(node.Inputs[1]!, memory);
    private readonly Cells _v = new(node.Inputs[2]!, memory);
    private readonly Cells _o = new(node.Inputs[5]!, memory);
    private readonly float* _lse = (float*)memory[node.Inputs[6]];
    private readonly Cells _do = new(node.Inputs[7]!, memory);
    private readonly Cells _dq = new(node.Outputs[0], memory);
    private readonly Cells _dk = new(node.Outputs[1], memory);
    private readonly Cells _dv = new(node.Outputs[2], memory);
    private readonly float* _delta = (float*)memory.SharedScratch;

    public override Planning.Scratch Scratch => new((long)node.Inputs[0]!.Rows.Of(memory.Capacity) * _options.Heads * sizeof(float), 0);

    public override int Phases(in Counts counts) => 3;

    public override void Begin(in Counts counts)
    {
        _segments.Begin(counts);
        Array.Fill(_segmentOf, -1);
        for (var s = 0; s < _segments.Count; s++)
            Array.Fill(_segmentOf, s, _segments[s].Start, _segments[s].Length);
    }

    public override int Tiles(int phase, in Counts counts) => ((phase == 2 ? _segments.Rows : _segments.Queries) + 3) / 4;

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        var end = Math.Min(tile * 4 + 4, phase == 2 ? _segments.Rows : _segments.Queries);
        for (var row = tile * 4; row < end; row++)
        {
            for (var h = 0; h < (phase == 2 ? _options.KeyValueHeads : _options.Heads); h++)
            {
                if (phase == 0)
                    Delta(row, h);
                else if (phase == 1)
                    Query(row, h);
                else
                    Key(row, h);
            }
        }
    }

    private void Delta(int query, int head)
    {
        var at = ((long)query * _options.Heads + head) * _options.HeadDim;
        var sum = 0f;
        for (var j = 0; j < _options.HeadDim; j++)
            sum += _do.One(at + j) * _o.One(at + j);
        _delta[(long)query * _options.Heads + head] = sum;
    }

    private void Query(int query, int head)
    {
        var dim = _options.HeadDim;
        float* q = stackalloc float[dim], d = stackalloc float[dim], dq = stackalloc float[dim];
        var at = ((long)query * _options.Heads + head) * dim;
        for (var j = 0; j < dim; j++)
            (q[j], d[j], dq[j]) = (_q.One(at + j), _do.One(at + j), 0);
        var row = _segments.RowOf(query);
        var s = _segmentOf[row];
        var position = s < 0 ? 0 : _segments[s].FirstPosition + row - _segments[s].Start;
        var seen = s < 0 ? 0 : row - _segments[s].Start + 1;
        var kv = head / (_options.Heads / _options.KeyValueHeads);
        for (; s >= 0; s = _segments[s].Parent)
        {
            var segment = _segments[s];
            for (var n = _options.Window == 0 ? 0 : Math.Max(0, position - _options.Window + 1 - segment.FirstPosition); n < seen; n++)
            {
                var key = ((long)(segment.Start + n) * _options.KeyValueHeads + kv) * dim;
                var (_, ds) = Scores(query, head, key, q, d);
                AttentionRows.Add(_k, key, ds, dq, dim);
            }

            if (segment.Parent >= 0)
                seen = _segments[segment.Parent].Length;
        }

        for (var j = 0; j < dim; j++)
            _dq.PutOne(at + j, dq[j], node.Adds[0]);
    }

    private void Key(int row, int kv)
    {
        var dim = _options.HeadDim;
        float* q = stackalloc float[dim], d = stackalloc float[dim], dk = stackalloc float[dim], dv = stackalloc float[dim];
        new Span<float>(dk, dim).Clear();
        new Span<float>(dv, dim).Clear();
        var own = _segmentOf[row];
        var key = ((long)row * _options.KeyValueHeads + kv) * dim;
        var position = own < 0 ? 0 : _segments[own].FirstPosition + row - _segments[own].Start;
        var group = _options.Heads / _options.KeyValueHeads;
        for (var s = own; s >= 0; s = _segments.NextBelow(own, s))
        {
            for (var i = s == own ? _segments.LowerBound(row) : _segments.FirstQuery(s); i < _segments.FirstQuery(s) + _segments.QueryCount(s); i++)
            {
                if (_options.Window > 0 && _segments[s].FirstPosition + _segments.RowOf(i) - _segments[s].Start - position >= _options.Window)
                    continue;
                for (var h = kv * group; h < (kv + 1) * group; h++)
                {
                    var at = ((long)i * _options.Heads + h) * dim;
                    for (var j = 0; j < dim; j++)
                        (q[j], d[j]) = (_q.One(at + j), _do.One(at + j));
                    var (p, ds) = Scores(i, h, key, q, d);
                    AttentionRows.Add(_q, at, ds, dk, dim);
                    AttentionRows.Add(_do, at, p, dv, dim);
                }
            }
        }

        for (var j = 0; j < dim; j++)
        {
            _dk.PutOne(key + j, dk[j], node.Adds[1]);
            _dv.PutOne(key + j, dv[j], node.Adds[2]);
        }
    }

    private (float P, float DScore) Scores(int query, int head, long key, float* q, float* d)
    {
        var raw = AttentionRows.Dot(_k, key, q, _options.HeadDim);
        var score = AttentionRows.Score(_options, raw);
        var p = MathF.Exp(score - _lse[(long)query * _options.Heads + head]);
        var slope = _options.SoftCap > 0 ? 1 - score / _options.SoftCap * (score / _options.SoftCap) : 1;
        var ds = p * (AttentionRows.Dot(_v, key, d, _options.HeadDim) - _delta[(long)query * _options.Heads + head]) * slope * _options.Scale;
        return (p, ds);
    }
}
