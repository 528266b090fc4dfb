using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class LinearTests
{
    /// <summary>What a linear layer may have.</summary>
    [Flags]
    public enum With
    {
        Nothing = 0,
        Residual = 1,
        FrozenBias = 2,
        TrainedBias = 4,
        LowRank = 8,
        Dropped = 16,
        Three = 32,
        TrainedWeight = 64,
        Adds = 128,
        NoWeight = 256,
    }

    private static readonly With[] Layers =
    [
        With.Nothing,
        With.Residual | With.FrozenBias,
        With.Residual | With.LowRank | With.TrainedBias,
        With.Residual | With.LowRank | With.Dropped | With.Adds,
        With.LowRank | With.Three,
        With.LowRank | With.Three | With.Dropped | With.TrainedBias | With.Adds,
        With.TrainedWeight | With.TrainedBias,
        With.TrainedWeight | With.Three | With.LowRank | With.FrozenBias,
        With.NoWeight | With.LowRank | With.Residual,
    ];

    public static TheoryData<With> Kinds => [.. Layers];

    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Fact]
    public void Adds_product_low_rank_term_bias_and_residual()
    {
        using var harness = new Harness(new Counts { Rows = 1 });
        var x = harness.Input("x", Dimension.Rows, 2, DType.F64, [1, 2]);
        var residual = harness.Input("residual", Dimension.Rows, 2, DType.F64, [100, 200]);
        var made = harness.Add(new Linear([new Projection(2, true, 1, 0.5f)], DType.F64), x, residual, null,
            harness.Frozen("w", 2, 2, 1, 2, 3, 4), harness.Frozen("bias", 1, 2, 10, 20), harness.Frozen("a", 1, 2, 4, 1), harness.Frozen("b", 2, 1, 2, -1));
        var outputs = harness.Run();

        // u = 0.5 (4·1 + 1·2) = 3; y = (1·1 + 2·2, 3·1 + 4·2) + 3 (2, −1) + (10, 20) + (100, 200).
        Assert.Equal([3], outputs[made[1]]);
        Assert.Equal([5 + 6 + 110, 11 - 3 + 220], outputs[made[0]]);
    }

    [Fact]
    public void Low_rank_terms_read_the_dropped_input()
    {
        using var harness = new Harness(new Counts { Rows = 1 });
        var x = harness.Input("x", Dimension.Rows, 2, DType.F64, [1, 2]);
        var dropped = harness.Input("dropped", Dimension.Rows, 2, DType.F64, [2, 0]);
        var made = harness.Add(new Linear([new Projection(1), new Projection(1, false, 1)], DType.F64), x, null, dropped,
            harness.Frozen("w1", 1, 2, 1, 1), null, null, null, harness.Frozen("w2", 1, 2, 1, -1), null, harness.Frozen("a", 1, 2, 3, 9), harness.Frozen("b", 1, 1, 10));
        var outputs = harness.Run();

        Assert.Equal([3], outputs[made[0]]);
        Assert.Equal([-1 + 60], outputs[made[1]]);
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_named()
    {
        using var harness = new Harness(new Counts { Rows = 1 });
        var x = harness.Input("x", Dimension.Rows, 3);
        var error = Assert.Throws<ShapeException>(() => harness.Add(new Linear([new Projection(2)], DType.F64), x, null, null, harness.Frozen("w.weight", 2, 4), null, null, null));

        Assert.Contains("x [rows, 3] F64", error.Message, StringComparison.Ordinal);
        Assert.Contains("w.weight [2, 4] F32", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Gradients_are_those_of_finite_differences(With with)
    {
        using var harness = Build(with, DType.F64, 3, 4, 3);

        Agreement.WithFiniteDifferences(harness);
    }

    [Fact]
    public void A_projection_without_a_gradient_leaves_the_others_right()
    {
        using var harness = new Harness(new Counts { Rows = 2 });
        var made = Add(harness, With.LowRank | With.Three | With.TrainedBias, 4, 3, null);
        harness.Backward(made[2]);

        Agreement.WithFiniteDifferences(harness);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var with in Layers)
        {
            foreach (var (inputs, outputs) in new[] { (1, 1), (33, 19), (96, 70) })
            {
                if (inputs == 96 && !with.HasFlag(With.Three))
                    continue;
                using var harness = Build(with, type, rows, inputs, outputs);
                WithReference(backend, harness, inputs);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference_over_quantized_weights(string backend, DType type, int rows)
    {
        foreach (var format in new BlockFormat[] { BlockFormats.BF16, BlockFormats.F16, BlockFormats.Q8_0, BlockFormats.Q4_0, BlockFormats.Q4_K, BlockFormats.Q6_K, BlockFormats.NF4 })
        {
            using var harness = Build(With.Three | With.LowRank | With.Dropped, type, rows, 256, 40, format);
            WithReference(backend, harness, 256);
        }
    }

    /// <summary>Operands may be rounded to bfloat16, so a sum of n products of numbers below 1 is off by about √n / 2⁸ at most.</summary>
    private static void WithReference(string backend, Harness harness, int depth)
    {
        var size = Math.Sqrt(Math.Max(depth, harness.Counts.Rows));
        if (harness.Type == DType.BF16)
            Agreement.WithReference(backend, harness, 0.02 * size, 0.02);
        else
            Agreement.WithReference(backend, harness, 2e-6 * size, 2e-5);
    }

    private static Harness Build(With with, DType type, int rows, int inputs, int outputs, BlockFormat? format = null)
    {
        var harness = new Harness(new Counts { Rows = rows }, type, with.HasFlag(With.Adds));
        var made = Add(harness, with, inputs, outputs, format);
        return harness.Backward(with.HasFlag(With.LowRank) ? made[..^1] : made);
    }

    private static Value[] Add(Harness harness, With with, int inputs, int outputs, BlockFormat? format)
    {
        var type = harness.Type;
        var x = harness.Activation("x", Dimension.Rows, inputs);
        var residual = with.HasFlag(With.Residual) ? harness.Activation("residual", Dimension.Rows, outputs, DTypesOf.Residual(type)) : null;
        var dropped = with.HasFlag(With.Dropped) ? harness.Activation("dropped", Dimension.Rows, inputs) : null;
        List<Value?> all = [x, residual, dropped];
        var projections = new List<Projection>();
        for (var i = 0; i < (with.HasFlag(With.Three) ? 3 : 1); i++)
        {
            // The second of three projections has no low-rank term, the third a larger one.
            var width = outputs + 2 * i;
            var rank = !with.HasFlag(With.LowRank) ? 0 : i switch { 0 => 2, 1 => 0, _ => 5 };
            all.Add(with.HasFlag(With.NoWeight) ? null : with.HasFlag(With.TrainedWeight) && i != 1 ? harness.Parameter($"w{i}", width, inputs) : harness.Frozen($"w{i}", width, inputs, format));
            var bias = i != 1 && (with & (With.TrainedBias | With.FrozenBias)) != 0;
            all.Add(!bias ? null : with.HasFlag(With.TrainedBias) ? harness.Parameter($"bias{i}", 1, width) : harness.Frozen($"bias{i}", 1, width));
            all.Add(rank > 0 ? harness.Parameter($"a{i}", rank, inputs) : null);
            all.Add(rank > 0 ? harness.Parameter($"b{i}", width, rank) : null);
            projections.Add(new Projection(width, bias, rank, 0.5f + i));
        }

        return harness.Add(new Linear([.. projections], type), [.. all]);
    }
}
