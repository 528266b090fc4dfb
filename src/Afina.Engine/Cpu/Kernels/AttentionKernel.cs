using System.Runtime.Intrinsics;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Attention, a query row and head at a time.</summary>
internal sealed unsafe class AttentionKernel(Attention operation, Node node, Memory memory) : Kernel
{
    private const int Block = 64;
    private readonly AttentionOptions _options = operation.Options;
    private readonly AttentionSegments _segments = new(node, memory);
    private readonly int[] _segmentOf = new int[node.Inputs[0]!.Rows.Of(memory.Capacity)];
    private readonly Cells _q = new(node.Inputs[0]!, memory);
    private readonly Cells _k = new(node.Inputs[1]!, memory);
    private readonly Cells _v = new(node.Inputs[2]!, memory);
    private readonly Cells _cachedK = node.Inputs[5] is { } keys ? new(keys, memory) : default;
    private readonly Cells _cachedV = node.Inputs[6] is { } values ? new(values, memory) : default;
    private readonly Cells _o = new(node.Outputs[0], memory);
    private readonly float* _lse = (float*)memory[node.Outputs[1]];

    public override void Begin(in Counts counts)
    {
        _segments.Begin(counts);
        Array.Fill(_segmentOf, -1);
        for (var s = 0; s < _segments.Count; s++)
            Array.Fill(_segmentOf, s, _segments.FirstQuery(s), _segments.QueryCount(s));
    }

    public override int Tiles(int phase, in Counts counts) => (_segments.Queries + 3) / 4;

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        var dim = _options.HeadDim;
        var scores = stackalloc float[Block];
        var q = stackalloc float[dim];
        var o = stackalloc float[dim];
        var group = _options.Heads / _options.KeyValueHeads;
        for (var i = tile * 4; i < Math.Min(tile * 4 + 4, _segments.Queries); i++)
        {
            for (var h = 0; h < _options.Heads; h++)
            {
                var at = ((long)i * _options.Heads + h) * dim;
                for (var j = 0; j < dim; j++)
                    (q[j], o[j]) = (_q.One(at + j), 0);
                var (m, l) = (float.NegativeInfinity, 0f);
                var s = _segmentOf[i];
                var position = s < 0 ? 0 : _segments[s].FirstPosition + _segments.RowOf(i) - _segments[s].Start;
                var seen = s < 0 ? 0 : _segments.RowOf(i) - _segments[s].Start + 1;
                for (; s >= 0; s = _segments[s].Parent)
                {
                    var segment = _segments[s];
                    Span(_k, _v, segment.Start, seen, segment.FirstPosition);
                    Span(_cachedK, _cachedV, segment.CacheStart, segment.CacheLength, 0);
                    if (segment.Parent >= 0)
                        seen = _segments[segment.Parent].Length;
                }

                for (var j = 0; j < dim; j++)
                    _o.StoreOne(at + j, l > 0 ? o[j] / l : 0);
                _lse[(long)i * _options.Heads + h] = l > 0 ? m + MathF.Log(l) : float.NegativeInfinity;

                void Span(in Cells k, in Cells v, int start, int length, int first)
                {
                    var from = _options.Window == 0 ? 0 : Math.Max(0, position - _options.Window + 1 - first);
                    for (; from < length; from += Block)
                    {
                        var count = Math.Min(Block, length - from);
                        var largest = m;
                        for (var n = 0; n < count; n++)
                        {
                            scores[n] = AttentionRows.Score(_options, AttentionRows.Dot(k, ((long)(start + from + n) * _options.KeyValueHeads + h / group) * dim, q, dim));
                            largest = Math.Max(largest, scores[n]);
                        }

                        var shrink = MathF.Exp(m - largest);
                        m = largest;
                        l *= shrink;
                        for (var j = 0; j < dim; j++)
                            o[j] *= shrink;
                        for (var n = 0; n < count; n++)
                        {
                            var p = MathF.Exp(scores[n] - m);
                            l += p;
                            AttentionRows.Add(v, ((long)(start + from + n) * _options.KeyValueHeads + h / group) * dim, p, o, dim);
                        }
                    }
                }
            }
        }
    }
}

/// <summary>Sums over one head of one row.</summary>
internal static unsafe class AttentionRows
{
    public static float Score(AttentionOptions options, float dot) =>
        options.SoftCap > 0 ? options.SoftCap * MathF.Tanh(dot * options.Scale / options.SoftCap) : dot * options.Scale;

    public static float Dot(in Cells row, long at, float* x, int dim)
    {
        var sums = Vector512<float>.Zero;
        var j = 0;
        for (; j <= dim - 16; j += 16)
            sums = Vector512.FusedMultiplyAdd(row.Load(at + j), Vector512.Load(x + j), sums);
        var sum = Vector512.Sum(sums);
        for (; j < dim; j++)
            sum += row.One(at + j) * x[j];
        return sum;
    }

    public static void Add(in Cells row, long at, float factor, float* sum, int dim)
    {
        var j = 0;
        for (; j <= dim - 16; j += 16)
            Vector512.FusedMultiplyAdd(row.Load(at + j), Vector512.Create(factor), Vector512.Load(sum + j)).Store(sum + j);
        for (; j < dim; j++)
            sum[j] += row.One(at + j) * factor;
    }
}
