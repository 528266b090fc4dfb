using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class GatedActivationTests
{
    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Theory]
    [InlineData(ActivationKind.Silu, 1, 0.7310585786300049)]
    [InlineData(ActivationKind.Silu, -2, -0.2384058440442351)]
    [InlineData(ActivationKind.GeluTanh, 1, 0.8411919906082768)]
    [InlineData(ActivationKind.GeluTanh, -2, -0.04540230591222895)]
    [InlineData(ActivationKind.Gelu, 1, 0.8413447460685429)]
    [InlineData(ActivationKind.Gelu, -2, -0.04550026389635842)]
    [InlineData(ActivationKind.Gelu, 5, 4.999998566741742)]
    public void Multiplies_the_gate_s_function_by_the_other_branch(ActivationKind kind, double gate, double expected)
    {
        using var harness = new Harness(new Counts { Rows = 1 });
        var h = harness.Add(new GatedActivation(kind), harness.Input("gate", Dimension.Rows, 1, DType.F64, [gate]), harness.Input("up", Dimension.Rows, 1, DType.F64, [3]))[0];

        Agreement.AssertClose([3 * expected], harness.Run()[h], 1e-12);
    }

    [Theory]
    [InlineData(ActivationKind.Silu, false)]
    [InlineData(ActivationKind.Silu, true)]
    [InlineData(ActivationKind.GeluTanh, false)]
    [InlineData(ActivationKind.GeluTanh, true)]
    [InlineData(ActivationKind.Gelu, false)]
    [InlineData(ActivationKind.Gelu, true)]
    public void Gradients_are_those_of_finite_differences(ActivationKind kind, bool adds)
    {
        using var harness = Build(kind, DType.F64, 3, 5, adds, 3);

        Agreement.WithFiniteDifferences(harness);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var kind in Enum.GetValues<ActivationKind>())
        {
            foreach (var dim in new[] { 1, 33, 256 })
            {
                using var harness = Build(kind, type, rows, dim, dim == 33, dim == 256 ? 30 : 4);
                Agreement.WithReference(backend, harness);
            }
        }
    }

    [Theory]
    [InlineData("reference", true)]
    [InlineData("reference", false)]
    [InlineData("cpu", true)]
    [InlineData("cpu", false)]
    public void Only_the_branch_with_a_parameter_behind_it_gets_a_gradient(string backend, bool gate)
    {
        foreach (var adds in new[] { false, true })
        {
            using var harness = new Harness(new Counts { Rows = 5 }, DType.F32, adds);
            harness.Backward(harness.Add(new GatedActivation(ActivationKind.Silu), Input("gate", gate), Input("up", !gate))[0]);

            Assert.Single(harness.Graph.Nodes.Single(node => node.Operation is GatedActivationGradient).Outputs);
            Agreement.WithReference(backend, harness);

            Value Input(string name, bool trained) => trained ? harness.Activation(name, Dimension.Rows, 33) : harness.Input(name, Dimension.Rows, 33);
        }
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Extreme_gates_stay_finite(string backend, DType type, int rows)
    {
        foreach (var kind in Enum.GetValues<ActivationKind>())
        {
            using var harness = Build(kind, type, rows, 16, false, 1e4);
            Agreement.WithReference(backend, harness);
        }
    }

    private static Harness Build(ActivationKind kind, DType type, int rows, int dim, bool adds, double scale)
    {
        var harness = new Harness(new Counts { Rows = rows }, type, adds);
        var gate = harness.Activation("gate", Dimension.Rows, dim, scale: scale);
        return harness.Backward(harness.Add(new GatedActivation(kind), gate, harness.Activation("up", Dimension.Rows, dim))[0]);
    }
}
