using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Tests.Engine.Ops;
using CsCheck;
using Xunit;

namespace Afina.Tests.Engine.Passes;

public sealed class GradientsTests
{
    /// <summary>How attention's and the feed-forward's outputs meet in a layer whose two branches read the same values.</summary>
    public enum Layout
    {
        AttentionFirst,
        FeedForwardFirst,
        SumOfBoth,
        SumOfBothAfterANorm,
        ResidualOfTheOther,
    }

    [Theory]
    [InlineData(Layout.AttentionFirst)]
    [InlineData(Layout.FeedForwardFirst)]
    [InlineData(Layout.SumOfBoth)]
    [InlineData(Layout.SumOfBothAfterANorm)]
    [InlineData(Layout.ResidualOfTheOther)]
    public void Branches_that_share_a_residual_get_right_gradients(Layout layout)
    {
        using var harness = new Harness(new Counts { Rows = 3 });
        var x = Norm(harness, harness.Activation("x", Dimension.Rows, 4));
        var y = layout switch
        {
            Layout.AttentionFirst => Linear(harness, Branch(harness, x), Linear(harness, Norm(harness, x), x)),
            Layout.FeedForwardFirst => Linear(harness, Norm(harness, x), Linear(harness, Branch(harness, x), x)),
            Layout.SumOfBoth => Sum(harness, x, Sum(harness, Linear(harness, Norm(harness, x), null), Branch(harness, x))),
            Layout.SumOfBothAfterANorm => Sum(harness, Norm(harness, Sum(harness, Branch(harness, x), x)), x),
            _ => Parallel(harness, x),
        };
        harness.Backward(Norm(harness, y));

        Agreement.WithFiniteDifferences(harness);

        // Both branches are computed before either is added.
        static Value Parallel(Harness harness, Value x)
        {
            var (attention, feedForward) = (Norm(harness, x), Branch(harness, x));
            return Linear(harness, feedForward, Linear(harness, attention, x));
        }
    }

    [Fact]
    public void A_value_that_is_used_three_times_gets_the_sum_of_three_gradients()
    {
        using var harness = new Harness(new Counts { Rows = 2 });
        var x = Norm(harness, harness.Activation("x", Dimension.Rows, 3));
        harness.Backward(Sum(harness, x, Branch(harness, x)), Sum(harness, x, x), x);

        Agreement.WithFiniteDifferences(harness);
    }

    [Fact]
    public void A_gate_times_itself_gets_both_gradients()
    {
        using var harness = new Harness(new Counts { Rows = 2 });
        var x = Norm(harness, harness.Activation("x", Dimension.Rows, 3));
        harness.Backward(Add(harness, new GatedActivation(ActivationKind.Silu), x, x));

        Agreement.WithFiniteDifferences(harness);
    }

    [Fact]
    public void A_shared_gradient_is_copied_only_while_another_reader_waits()
    {
        using var harness = new Harness(new Counts { Rows = 2 });
        var x = Norm(harness, harness.Activation("x", Dimension.Rows, 4));
        var copies = Backward(harness, Linear(harness, Norm(harness, x), x)).Count(node => node.Operation is Sum && node.Inputs[0]!.Name.StartsWith("seed", StringComparison.Ordinal));

        // The seed is the caller's, so the residual's gradient starts as one copy of it; nothing else is copied.
        Assert.Equal(1, copies);
    }

    [Fact]
    public void Given_gradients_stay_as_they_are()
    {
        using var harness = new Harness(new Counts { Rows = 2 });
        var x = Norm(harness, harness.Activation("x", Dimension.Rows, 4));
        var y = Sum(harness, x, Branch(harness, x));
        harness.Backward(x, y);

        Assert.DoesNotContain(harness.Graph.Nodes.SelectMany(node => node.Outputs), harness.Seeds.Select(seed => seed.Gradient).Contains);
        Agreement.WithFiniteDifferences(harness);
    }

    [Fact]
    public void Two_outputs_may_share_a_given_gradient()
    {
        using var harness = new Harness(new Counts { Rows = 2 });
        var x = Norm(harness, harness.Activation("x", Dimension.Rows, 4));
        var (a, b) = (Branch(harness, x), Sum(harness, x, Norm(harness, x)));
        var gradient = harness.Seed(a);
        harness.Seeds.Add((b, gradient));
        harness.Graph.Results.Add(b);
        harness.Backward();

        Agreement.WithFiniteDifferences(harness);
    }

    [Fact]
    public void Nothing_below_the_lowest_parameter_gets_a_gradient()
    {
        using var harness = new Harness(new Counts { Rows = 2 });
        var x = Norm(harness, harness.Input("x", Dimension.Rows, 4));
        for (var i = 0; i < 2; i++)
            x = Linear(harness, Norm(harness, x), x);
        var trained = LowRank(harness, x);
        var top = Norm(harness, trained);
        var backward = Backward(harness, top);

        Assert.Equal(["RmsNormGradient", "LowRankGradient"], backward.Select(node => node.Operation.Name));
        Agreement.WithFiniteDifferences(harness);
    }

    [Fact]
    public void Without_a_parameter_there_is_no_backward()
    {
        using var harness = new Harness(new Counts { Rows = 2 });

        Assert.Empty(Backward(harness, Linear(harness, harness.Input("x", Dimension.Rows, 4), null)));
    }

    [Fact]
    public void An_operation_without_a_gradient_above_a_parameter_is_refused()
    {
        using var harness = new Harness(new Counts { LabelledRows = 2 });
        var logits = harness.Add(new HeadLogits(new LossOptions()), harness.Activation("x", Dimension.LabelledRows, 3), harness.Frozen("w", 5, 3))[0];

        Assert.Throws<InvalidOperationException>(() => harness.Backward(logits));
    }

    [Fact]
    public void A_trained_head_is_refused_rather_than_left_without_a_gradient()
    {
        using var harness = new Harness(new Counts { LabelledRows = 2, Targets = 2 });
        var made = harness.Add(new HeadLoss(new LossOptions(), true), harness.Activation("x", Dimension.LabelledRows, 3), harness.Parameter("w", 5, 3),
            harness.Ints("tokens", Dimension.Targets, 1, 1, 2), harness.Ints("rows", Dimension.Targets, 1, 0, 1), harness.Input("weights", Dimension.Targets, 1));

        Assert.Throws<InvalidOperationException>(() => Gradients.Append(harness.Graph, made[0]));
    }

    [Fact]
    public void Gradients_of_random_programs_are_those_of_finite_differences() =>
        Gen.Int[0, 1_000_000].Sample(seed =>
        {
            var random = new Random(seed);
            using var harness = new Harness(new Counts { Rows = 2 }, seed: seed);
            var values = new List<Value> { harness.Activation("x", Dimension.Rows, 3), harness.Input("frozen", Dimension.Rows, 3) };
            for (var i = 0; i < 7; i++)
            {
                var (a, b) = (Any(), Any());
                values.Add(random.Next(6) switch
                {
                    0 => Sum(harness, a, b),
                    1 => Norm(harness, a),
                    2 => Add(harness, new GatedActivation(ActivationKind.Silu), a, b),
                    3 => Linear(harness, a, null),
                    4 => Linear(harness, a, b),
                    _ => LowRank(harness, a),
                });
            }

            harness.Backward([.. new[] { values[^1], Any(), Any() }.Where(value => value.Residence == Residence.Arena).Distinct()]);
            Agreement.WithFiniteDifferences(harness, relative: 1e-5);

            Value Any() => values[random.Next(values.Count)];
        }, iter: 60);

    private static List<Node> Backward(Harness harness, Value output)
    {
        harness.Backward(output);
        return [.. harness.Graph.Nodes.Where(node => node.IsBackward)];
    }

    // Straight into the graph: a value that is no result gives its place in the arena to others.
    private static Value Add(Harness harness, Operation operation, params Value?[] inputs) => harness.Graph.Add(operation, operation.Name, inputs)[0];

    private static Value Norm(Harness harness, Value x) => Add(harness, new RmsNorm(0.1f, DType.F64), x, harness.Frozen("g", 1, x.Columns));

    private static Value Sum(Harness harness, Value a, Value b) => Add(harness, new Sum(DType.F64), a, b);

    private static Value Linear(Harness harness, Value x, Value? residual) =>
        Add(harness, new Linear([new Projection(x.Columns)], DType.F64), x, residual, null, harness.Frozen("w", x.Columns, x.Columns), null, null, null);

    private static Value LowRank(Harness harness, Value x) => Add(harness, new Linear([new Projection(x.Columns, Rank: 2, Scale: 0.5f)], DType.F64), x, null, null,
        harness.Frozen("w", x.Columns, x.Columns), null, harness.Parameter("a", 2, x.Columns), harness.Parameter("b", x.Columns, 2));

    private static Value Branch(Harness harness, Value x)
    {
        var h = Norm(harness, x);
        return Add(harness, new GatedActivation(ActivationKind.Silu), LowRank(harness, h), Linear(harness, h, null));
    }
}
