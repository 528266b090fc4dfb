using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Reference;
using Afina.Engine.Tensors;
using Afina.Tests.Engine.Ops;
using Xunit;

namespace Afina.Tests.Engine.Passes;

public sealed class DeadRowsTests
{
    private const int Heads = 2, KeyValueHeads = 1, HeadDim = 4, Width = 6, Inner = 5;

    /// <summary>What the layers may have.</summary>
    [Flags]
    public enum With
    {
        Nothing = 0,
        Dropout = 1,
        HeadNorms = 2,
        SumResidual = 4,
        Cache = 8,
    }

    public static TheoryData<With> Kinds => [With.Nothing, With.Dropout, With.HeadNorms, With.SumResidual, With.Cache, With.Dropout | With.HeadNorms | With.SumResidual | With.Cache];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Leaves_losses_and_gradients_as_they_are(With with)
    {
        using var harness = Build(with, out var scores);
        var forward = harness.Graph;
        var (whole, small) = (Copy(forward), DeadRows.Remove(Copy(forward)));
        Gradients.Append(whole, scores[0]);
        Gradients.Append(small, scores[0]);

        var (expected, actual) = (Run(harness, whole), Run(harness, small));
        foreach (var value in scores[..5].Concat(harness.Parameters.Select(parameter => parameter.Gradient)))
            Agreement.AssertClose(value, expected[value], actual[value], 1e-12, 1e-12);
        foreach (var value in expected.Values.Where(value => value.Name.StartsWith("cache", StringComparison.Ordinal)))
            Assert.Equal(expected[value], actual[value]);
    }

    [Theory]
    [InlineData(With.Nothing)]
    [InlineData(With.HeadNorms)]
    [InlineData(With.SumResidual)]
    [InlineData(With.Dropout)]
    public void Of_the_last_layer_only_keys_and_values_remain_for_all_rows(With with)
    {
        using var harness = Build(with, out _);
        var small = DeadRows.Remove(harness.Graph);

        var rest = small.Nodes.Where(node => node.Layer == 1).SelectMany(node => node.Outputs).Where(value => value.Rows == Dimension.Rows).Select(value => value.Name);
        string[] norm = with == With.HeadNorms ? ["1.k_norm"] : [];
        string[] dropped = with == With.Dropout ? ["1.qkv.dropped"] : [];
        Assert.Equal(["1.norm", .. dropped, "1.qkv.k_proj", "1.qkv.v_proj", "1.qkv.u", .. norm, "1.k_rotary"], rest);
        Assert.All(small.Nodes.Where(node => node.Layer == 0).SelectMany(node => node.Outputs).Where(value => value.Residence == Residence.Arena), value => Assert.Equal(Dimension.Rows, value.Rows));
    }

    [Fact]
    public void Keys_and_values_share_one_product_and_queries_have_their_own()
    {
        using var harness = Build(With.Nothing, out _);
        var linears = DeadRows.Remove(harness.Graph).Nodes.Where(node => node.Layer == 1 && node.Operation is Linear).ToList();

        Assert.Equal([2, 1, 1, 2, 1], linears.Select(node => ((Linear)node.Operation).Projections.Count));
    }

    [Fact]
    public void A_program_that_chooses_no_rows_stays_as_it_is()
    {
        var graph = new Graph();
        var x = new Value("x", DType.F32, Dimension.Rows, 2, Residence.Bound);
        graph.Add(new Sum(DType.F32), "y", x, x);

        Assert.Same(graph, DeadRows.Remove(graph));
    }

    [Fact]
    public void A_result_that_is_wanted_for_all_rows_is_computed_for_all_rows()
    {
        using var harness = new Harness(new Counts { Rows = 4, LabelledRows = 2 });
        var x = harness.Input("x", Dimension.Rows, 3);
        var y = harness.Graph.Add(new Sum(DType.F64), "y", x, x)[0];
        harness.Graph.Results.Add(y);
        var chosen = harness.Add(new SelectRows(), y, harness.Ints("labelled", Dimension.LabelledRows, 1, 1, 3))[0];
        var (expected, actual) = (Run(harness, harness.Graph), Run(harness, DeadRows.Remove(harness.Graph)));

        Assert.Equal(expected[y], actual[y]);
        Assert.Equal(expected[chosen], actual[chosen]);
    }

    private static Outputs Run(Harness harness, Graph graph)
    {
        using var run = new HarnessRun(harness, new ReferenceBackend(), 1, graph);
        return run.Run();
    }

    private static Graph Copy(Graph graph)
    {
        var copy = new Graph();
        copy.Nodes.AddRange(graph.Nodes);
        copy.Results.UnionWith(graph.Results);
        return copy;
    }

    /// <summary>Two layers over a tree of segments, with adapters everywhere.</summary>
    private static Harness Build(With with, out Value[] scores)
    {
        int[] labelled = [2, 5, 6, 8];
        Segment[] segments = [new(0, 4), new(4, 3, 0, 4), new(7, 2, 0, 4)];
        var harness = new Harness(new Counts { Rows = 9, LabelledRows = 4, Targets = 5, Segments = 3, CachedRows = with.HasFlag(With.Cache) ? 9 : 0, Seed = 7 });
        var graph = harness.Graph;
        var index = harness.Ints("labelled", Dimension.LabelledRows, 1, labelled);
        var list = harness.Ints("segments", Dimension.Segments, Segment.Fields, segments.SelectMany(s => new[] { s.Start, s.Length, s.Parent, s.FirstPosition, s.CacheStart, s.CacheLength }));
        var slots = harness.Ints("slots", Dimension.Rows, 1, Enumerable.Range(0, 9));
        var table = graph.Add(new RotaryTable(), "table", harness.Ints("positions", Dimension.Rows, 1, 0, 1, 2, 3, 4, 5, 6, 4, 5), harness.Input("f", 1, HeadDim / 2, DType.F32))[0];
        var x = graph.Add(new Embedding(DType.F64), "embedding", harness.Ints("tokens", Dimension.Rows, 1, Enumerable.Range(0, 9).Select(i => i * 3 % 7)), harness.Frozen("table", 7, Width))[0];
        for (var layer = 0; layer < 2; layer++)
        {
            graph.Layer = layer;
            var made = Linear($"{layer}.qkv", Norm($"{layer}.norm", x, Width), null, ("q_proj", Heads * HeadDim), ("k_proj", KeyValueHeads * HeadDim), ("v_proj", KeyValueHeads * HeadDim));
            var (q, k) = (made[0], made[1]);
            if (with.HasFlag(With.HeadNorms))
                (q, k) = (Norm($"{layer}.q_norm", q, HeadDim), Norm($"{layer}.k_norm", k, HeadDim));
            q = graph.Add(new Rotary(HeadDim), $"{layer}.q_rotary", q, table)[0];
            k = graph.Add(new Rotary(HeadDim), $"{layer}.k_rotary", k, table)[0];
            if (with.HasFlag(With.Cache))
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
            harness.Ints("rows", Dimension.Targets, 1, 0, 1, 1, 2, 3), harness.Input("weights", Dimension.Targets, 1));
        graph.Results.UnionWith(scores[..5]);
        return harness;

        Value Residual(string name, Value h, Value x)
        {
            if (!with.HasFlag(With.SumResidual))
                return Linear(name, h, x, ("proj", Width))[0];
            var y = Norm($"{name}.after", Linear(name, h, null, ("proj", Width))[0], Width);
            return graph.Add(new Sum(DType.F64), $"{name}.residual", x, y)[0];
        }

        Value Norm(string name, Value x, int dim) => graph.Add(new RmsNorm(1e-5f, DType.F64), name, x, harness.Frozen("g", 1, dim))[0];

        Value[] Linear(string name, Value x, Value? residual, params (string Name, int Outputs)[] parts)
        {
            List<Value?> inputs = [x, residual, with.HasFlag(With.Dropout) ? graph.Add(new Dropout(0.3f, graph.Nodes.Count), name, x)[0] : null];
            foreach (var (part, outputs) in parts)
                inputs.AddRange(harness.Frozen($"{part}.weight", outputs, x.Columns), null, harness.Parameter($"{name}.{part}.a", 2, x.Columns), harness.Parameter($"{name}.{part}.b", outputs, 2));
            return graph.Add(new Linear([.. parts.Select(part => new Projection(part.Outputs, Rank: 2, Scale: 0.5f))], DType.F64), name, [.. inputs]);
        }
    }
}
