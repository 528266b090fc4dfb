using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class RmsNormTests
{
    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Fact]
    public void Divides_by_the_root_of_the_mean_square_and_multiplies_by_the_gain()
    {
        using var harness = new Harness(new Counts { Rows = 1 });
        var x = harness.Input("x", Dimension.Rows, 2, DType.F64, [3, 4]);
        var y = harness.Add(new RmsNorm(0, DType.F64), x, harness.Frozen("g", 1, 2, 1, 2))[0];

        Agreement.AssertClose([3 / Math.Sqrt(12.5), 8 / Math.Sqrt(12.5)], harness.Run()[y], 1e-12);
    }

    [Fact]
    public void Normalizes_each_group_by_itself_with_an_offset_gain_and_epsilon_inside_the_root()
    {
        using var harness = new Harness(new Counts { Rows = 1 });
        var x = harness.Input("x", Dimension.Rows, 4, DType.F64, [3, 4, 0, 0.5]);
        var y = harness.Add(new RmsNorm(0.5f, DType.F64, GainOffset: 1), x, harness.Frozen("g", 1, 2, 0, 1))[0];

        Agreement.AssertClose([3 / Math.Sqrt(13), 8 / Math.Sqrt(13), 0, 1 / Math.Sqrt(0.625)], harness.Run()[y], 1e-12);
    }

    [Theory]
    [InlineData(0, 1, false)]
    [InlineData(1, 1, true)]
    [InlineData(1, 3, false)]
    [InlineData(0, 2, true)]
    public void Gradients_are_those_of_finite_differences(float offset, int groups, bool adds)
    {
        using var harness = Build(DType.F64, 3, 5, groups, offset, true, adds);

        Agreement.WithFiniteDifferences(harness);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var (dim, groups) in new[] { (1, 1), (7, 3), (64, 2), (129, 1) })
        {
            using var trained = Build(type, rows, dim, groups, 1, true, false);
            using var frozen = Build(type, rows, dim, groups, 0, false, true);

            Agreement.WithReference(backend, trained);
            Agreement.WithReference(backend, frozen);
        }
    }

    private static Harness Build(DType type, int rows, int dim, int groups, float offset, bool trained, bool adds)
    {
        var harness = new Harness(new Counts { Rows = rows }, type, adds);
        var x = harness.Activation("x", Dimension.Rows, groups * dim, DTypesOf.Residual(type));
        var gain = trained ? harness.Parameter("g", 1, dim) : harness.Frozen("g", 1, dim);
        return harness.Backward(harness.Add(new RmsNorm(1e-3f, type, offset), x, gain)[0]);
    }
}
