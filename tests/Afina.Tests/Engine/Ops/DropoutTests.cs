using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class DropoutTests
{
    private const float Probability = 0.25f;

    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Fact]
    public void Drops_about_the_share_asked_for_and_scales_the_rest()
    {
        var y = Masked(new Counts { Rows = 200, Seed = 3 });

        Assert.All(y, element => Assert.True(element == 0 || Math.Abs(element - 1 / 0.75) < 1e-6));
        Assert.InRange(y.Count(element => element == 0) / (double)y.Length, 0.24, 0.26);
    }

    [Fact]
    public void The_mask_depends_on_seed_step_micro_step_and_module()
    {
        var counts = new Counts { Rows = 20, Seed = 3 };
        double[][] masks =
        [
            Masked(counts), Masked(counts with { Seed = 4 }), Masked(counts with { Step = 1 }), Masked(counts with { MicroStep = 1 }), Masked(counts, 8),
        ];

        Assert.Equal(masks[0], Masked(counts));
        for (var i = 1; i < masks.Length; i++)
        {
            // Two independent masks agree in 0.75² + 0.25² of the places.
            var same = masks[0].Zip(masks[i], (a, b) => a == b).Count(equal => equal) / (double)masks[0].Length;
            Assert.InRange(same, 0.58, 0.67);
        }
    }

    [Fact]
    public void A_row_keeps_its_mask_when_others_are_left_out()
    {
        var few = Masked(new Counts { Rows = 2, Seed = 3 });

        Assert.Equal(few, Masked(new Counts { Rows = 9, Seed = 3 })[..few.Length]);
    }

    [Fact]
    public void Chosen_rows_keep_the_masks_of_their_own_numbers()
    {
        var counts = new Counts { Rows = 9, LabelledRows = 2, Seed = 3 };
        using var harness = new Harness(counts);
        var ones = harness.Input("x", Dimension.LabelledRows, 100, DType.F64, Enumerable.Repeat(1.0, 200).ToArray());
        var y = harness.Add(new Dropout(Probability, 7), ones, harness.Ints("rows", Dimension.LabelledRows, 1, 2, 7))[0];
        var all = Masked(counts);

        Assert.Equal([.. all[200..300], .. all[700..800]], harness.Run()[y]);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Gradients_are_those_of_finite_differences(bool adds, bool chosen)
    {
        using var harness = Build(DType.F64, 3, 4, adds, chosen);

        Agreement.WithFiniteDifferences(harness);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var dim in new[] { 1, 33, 256 })
        {
            using var harness = Build(type, rows, dim, dim == 33);
            using var chosen = Build(type, rows, dim, dim == 33, true);
            Agreement.WithReference(backend, harness);
            Agreement.WithReference(backend, chosen);
        }
    }

    private static double[] Masked(Counts counts, int module = 7)
    {
        using var harness = new Harness(counts);
        var ones = harness.Input("x", Dimension.Rows, 100, DType.F64, Enumerable.Repeat(1.0, counts.Rows * 100).ToArray());
        var y = harness.Add(new Dropout(Probability, module), ones)[0];
        return harness.Run()[y];
    }

    private static Harness Build(DType type, int rows, int dim, bool adds, bool chosen = false)
    {
        var harness = new Harness(new Counts { Rows = rows, LabelledRows = rows, Seed = 5, Step = 2, MicroStep = 1 }, type, adds);
        Value?[] inputs = [harness.Activation("x", chosen ? Dimension.LabelledRows : Dimension.Rows, dim)];
        if (chosen)
            inputs = [.. inputs, harness.Ints("rows", Dimension.LabelledRows, 1, Enumerable.Range(0, rows).Select(row => 3 * row + 1))];
        return harness.Backward(harness.Add(new Dropout(Probability, 9), inputs)[0]);
    }
}
