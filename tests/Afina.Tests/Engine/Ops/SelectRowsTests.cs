using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class SelectRowsTests
{
    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Fact]
    public void Picks_the_rows_that_the_index_names()
    {
        using var harness = new Harness(new Counts { Rows = 3, LabelledRows = 2 });
        var x = harness.Input("x", Dimension.Rows, 2, DType.F64, [1, 2, 3, 4, 5, 6]);
        var y = harness.Add(new SelectRows(), x, harness.Ints("index", Dimension.LabelledRows, 1, 0, 2))[0];

        Assert.Equal([1, 2, 5, 6], harness.Run()[y]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradients_are_those_of_finite_differences(bool adds)
    {
        using var harness = Build(DType.F64, 6, [1, 2, 4], 3, adds);

        Agreement.WithFiniteDifferences(harness);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var dim in new[] { 1, 33, 256 })
        {
            using var third = Build(type, rows, [.. Enumerable.Range(0, rows).Where(i => i % 3 == 0)], dim, false);
            using var none = Build(type, rows, [], dim, dim == 33);
            using var all = Build(type, rows, [.. Enumerable.Range(0, rows)], dim, true);

            Agreement.WithReference(backend, third);
            Agreement.WithReference(backend, none);
            Agreement.WithReference(backend, all);
        }
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Integers_and_other_types_are_picked_as_well(string backend, DType type, int rows)
    {
        using var harness = new Harness(new Counts { Rows = rows, LabelledRows = rows / 2 }, type);
        var index = harness.Ints("index", Dimension.LabelledRows, 1, Enumerable.Range(0, rows / 2).Select(i => 2 * i + 1));
        harness.Add(new SelectRows(), harness.Ints("positions", Dimension.Rows, 1, Enumerable.Range(0, rows).Select(i => i * 100_001)), index);
        harness.Add(new SelectRows(), harness.Input("table", Dimension.Rows, 6, DType.F32), index);

        Agreement.WithReference(backend, harness, 1e-9, 0);
    }

    private static Harness Build(DType type, int rows, int[] index, int dim, bool adds)
    {
        var harness = new Harness(new Counts { Rows = rows, LabelledRows = index.Length }, type, adds);
        var x = harness.Activation("x", Dimension.Rows, dim, DTypesOf.Residual(type));
        return harness.Backward(harness.Add(new SelectRows(), x, harness.Ints("index", Dimension.LabelledRows, 1, index))[0]);
    }
}
