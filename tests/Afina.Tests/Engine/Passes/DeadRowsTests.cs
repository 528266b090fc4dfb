using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Tests.Engine.Ops;
using Xunit;
using With = Afina.Tests.Engine.Passes.DecoderParts;

namespace Afina.Tests.Engine.Passes;

public sealed class DeadRowsTests
{
    public static TheoryData<With> Kinds => TinyDecoder.Kinds;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Leaves_losses_and_gradients_as_they_are(With with)
    {
        using var harness = TinyDecoder.Build(with, DType.F64, out var scores);
        var forward = harness.Graph;
        var (whole, small) = (TinyDecoder.Copy(forward), DeadRows.Remove(TinyDecoder.Copy(forward)));
        Gradients.Append(whole, scores[0]);
        Gradients.Append(small, scores[0]);

        var (expected, actual) = (TinyDecoder.Run(harness, whole), TinyDecoder.Run(harness, small));
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
        using var harness = TinyDecoder.Build(with, DType.F64, out _);
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
        using var harness = TinyDecoder.Build(With.Nothing, DType.F64, out _);
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
        var (expected, actual) = (TinyDecoder.Run(harness, harness.Graph), TinyDecoder.Run(harness, DeadRows.Remove(harness.Graph)));

        Assert.Equal(expected[y], actual[y]);
        Assert.Equal(expected[chosen], actual[chosen]);
    }
}
