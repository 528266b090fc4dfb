using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Reference;
using Afina.Engine.Tensors;
using Afina.Tests.Engine.Ops;
using Xunit;

namespace Afina.Tests.Engine.Passes;

/// <summary>What the layers may have.</summary>
[Flags]
public enum DecoderParts
{
    Nothing = 0,
    Dropout = 1,
    HeadNorms = 2,
    SumResidual = 4,
    Cache = 8,
}

/// <summary>Two layers over a tree of segments, with adapters everywhere.</summary>
internal static class TinyDecoder
{
    private const int Heads = 2, KeyValueHeads = 1, HeadDim = 4, Width = 6, Inner = 5;

    public static TheoryData<DecoderParts> Kinds => [DecoderParts.Nothing, DecoderParts.Dropout, DecoderParts.HeadNorms, DecoderParts.SumResidual, DecoderParts.Cache, DecoderParts.Dropout | DecoderParts.HeadNorms | DecoderParts.SumResidual | DecoderParts.Cache];

    public static Outputs Run(Harness harness, Graph graph)
    {
        using var run = new HarnessRun(harness, new ReferenceBackend(), 1, graph);
        return run.Run();
    }

    public static Graph Copy(Graph graph)
    {
        var copy = new Graph();
        copy.Nodes.AddRange(graph.Nodes);
        copy.Results.UnionWith(graph.Results);
        return copy;
    }

    /// <summary>The forward, which ends in the scores.</summary>
    public static Harness Build(DecoderParts with, DType type, out Value[] scores)
    {
        int[] labelled = [2, 5, 6, 8];
        Segment[] segments = [new(0, 4), new(4, 3, 0, 4), new(7, 2, 0, 4)];
        var harness = new Harness(new Counts { Rows = 9, LabelledRows = 4, Targets = 5, Segments = 3, CachedRows = with.HasFlag(DecoderParts.Cache) ? 9 : 0, Seed = 7 }, type);
        var graph = harness.Graph;
        var index = harness.Ints("labelled", Dimension.LabelledRows, 1, labelled);
        var list = harness.Ints("segments", Dimension.Segments, Segment.Fields, segments.SelectMany(s => new[] { s.Start, s.Length, s.Parent, s.FirstPosition, s.CacheStart, s.CacheLength }));
        var slots = harness.Ints("slots", Dimension.Rows, 1, Enumerable.Range(0, 9));
        var table = graph.Add(new RotaryTable(), "table", harness.Ints("positions", Dimension.Rows, 1, 0, 1, 2, 3, 4, 5, 6, 4, 5), harness.Input("f", 1, HeadDim / 2, DType.F32))[0];
        var x = graph.Add(new Embedding(type), "embedding", harness.Ints("tokens", Dimension.Rows, 1, Enumerable.Range(0, 9).Select(i => i * 3 % 7)), harness.Frozen("table", 7, Width))[0];
        for (var layer = 0; layer < 2; layer++)
        {
            graph.Layer = layer;
            var made = Linear($"{layer}.qkv", Norm($"{layer}.norm", x, Width), null, ("q_proj", Heads * HeadDim), ("k_proj", KeyValueHeads * HeadDim), ("v_proj", KeyValueHeads * HeadDim));
            var (q, k) = (made[0], made[1]);
            if (with.HasFlag(DecoderParts.HeadNorms))
                (q, k) = (Norm($"{layer}.q_norm", q, HeadDim), Norm($"{layer}.k_norm", k, HeadDim));
            q = graph.Add(new Rotary(HeadDim), $"{layer}.q_rotary", q, table)[0];
            k = graph.Add(new Rotary(HeadDim), $"{layer}.k_rotary", k, table)[0];
            if (with.HasFlag(DecoderParts.Cache))
            {
                graph.Add(new StoreRows(harness.Input($"cache k {layer}", Dimension.CachedRows, k.Columns)), $"{layer}.k_cache", k, slots);
                graph.Add(new StoreRows(harness.Input($"cache v {layer}", Dimension.CachedRows, k.Columns)), $"{layer}.v_cache", made[2], slots);
            }

            var o = graph.Add(new Attention(new AttentionOptions(Heads, KeyValueHeads, HeadDim, 0.5f)), $"{layer}.attention", q, k, made[2], list, null, null, null)[0];
            x = Residual($"{layer}.o", o, x);
            var mlp = Linear($"{layer}.mlp", Norm($"{layer}.norm2", x, Width), null, ("gate", Inner), ("up", Inner));
            x = Residual($"{layer}.down", graph.Add(new GatedActivation(ActivationKind.Silu), $"{layer}.act", mlp[0], mlp[1])[0], x);
        }

        graph.Layer = -1;
        x = Norm("final", graph.Add(new SelectRows(), "labelled", x, index)[0], Width);
        scores = graph.Add(new HeadLoss(new LossOptions(), true), "head", x, harness.Frozen("head", 7, Width), harness.Ints("targets", Dimension.Targets, 1, 1, 2, 3, 4, 5),
            harness.Ints("rows", Dimension.Targets, 1, 0, 1, 1, 2, 3), harness.Input("weights", Dimension.Targets, 1, harness.ParameterType));
        graph.Results.UnionWith(scores[..5]);
        return harness;

        Value Residual(string name, Value h, Value x)
        {
            if (!with.HasFlag(DecoderParts.SumResidual))
                return Linear(name, h, x, ("proj", Width))[0];
            var y = Norm($"{name}.after", Linear(name, h, null, ("proj", Width))[0], Width);
            return graph.Add(new Sum(type), $"{name}.residual", x, y)[0];
        }

        Value Norm(string name, Value x, int dim) => graph.Add(new RmsNorm(1e-5f, type), name, x, harness.Frozen("g", 1, dim))[0];

        Value[] Linear(string name, Value x, Value? residual, params (string Name, int Outputs)[] parts)
        {
            List<Value?> inputs = [x, residual, with.HasFlag(DecoderParts.Dropout) ? graph.Add(new Dropout(0.3f, graph.Nodes.Count), name, x)[0] : null];
            foreach (var (part, outputs) in parts)
                inputs.AddRange(harness.Frozen($"{part}.weight", outputs, x.Columns), null, harness.Parameter($"{name}.{part}.a", 2, x.Columns), harness.Parameter($"{name}.{part}.b", outputs, 2));
            return graph.Add(new Linear([.. parts.Select(part => new Projection(part.Outputs, Rank: 2, Scale: 0.5f))], type), name, [.. inputs]);
        }
    }
}
