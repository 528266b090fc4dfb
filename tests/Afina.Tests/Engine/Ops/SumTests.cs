using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class SumTests
{
    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Fact]
    public void Adds_two_values_and_copies_one()
    {
        using var harness = new Harness(new Counts { Rows = 2 });
        var a = harness.Input("a", Dimension.Rows, 1, DType.F64, [1, 2]);
        var b = harness.Input("b", Dimension.Rows, 1, DType.F32, [10, 20]);
        var sum = harness.Add(new Sum(DType.F64), a, b)[0];
        var copy = harness.Add(new Sum(DType.F32), a)[0];
        var outputs = harness.Run();

        Assert.Equal([11, 22], outputs[sum]);
        Assert.Equal([1, 2], outputs[copy]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradients_are_those_of_finite_differences(bool adds)
    {
        using var harness = Build(DType.F64, 3, 4, adds);

        Agreement.WithFiniteDifferences(harness);
    }

    [Fact]
    public void A_value_added_to_itself_gets_the_gradient_twice()
    {
        using var harness = new Harness(new Counts { Rows = 3 });
        var x = harness.Activation("x", Dimension.Rows, 2);
        harness.Backward(harness.Add(new Sum(DType.F64), x, x));

        Agreement.WithFiniteDifferences(harness);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var dim in new[] { 1, 33, 256 })
        {
            using var harness = Build(type, rows, dim, true);
            Agreement.WithReference(backend, harness);
        }
    }

    private static Harness Build(DType type, int rows, int dim, bool adds)
    {
        var harness = new Harness(new Counts { Rows = rows }, type, adds);
        var a = harness.Activation("a", Dimension.Rows, dim, DTypesOf.Residual(type));
        var b = harness.Activation("b", Dimension.Rows, dim);
        return harness.Backward(harness.Add(new Sum(type), a, b)[0], harness.Add(new Sum(DTypesOf.Residual(type)), b)[0]);
    }
}
