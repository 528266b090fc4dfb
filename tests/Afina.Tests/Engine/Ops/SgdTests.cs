using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class SgdTests
{
    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Fact]
    public void Moves_against_the_momentum_of_clipped_and_decayed_gradients()
    {
        using var harness = Build(DType.F64, 1, 2, clip: 1);
        var (value, gradient, momentum) = (harness.Parameters[0].Value, harness.Parameters[0].Gradient, harness.Named("momentum"));
        harness.Write(value, [1, -2]);
        harness.Write(gradient, [3, 4]);
        harness.Write(momentum, [10, 20]);
        var outputs = harness.Run();

        double[] expected = [0.9 * 10 + 3 / 5.0 + 0.01, 0.9 * 20 + 4 / 5.0 - 0.02];
        Agreement.AssertClose(expected, outputs[momentum], 1e-5);
        Agreement.AssertClose([1 - 0.1 * expected[0], -2 - 0.1 * expected[1]], outputs[value], 1e-5);
        Assert.Equal([0, 0], outputs[gradient]);
    }

    [Fact]
    public void Dampening_begins_with_the_second_step_and_Nesterov_looks_ahead()
    {
        foreach (var (step, share) in new[] { (0, 1.0), (1, 0.7) })
        {
            using var harness = Build(DType.F64, 1, 1, clip: 0, step, dampening: 0.3, nesterov: true);
            harness.Write(harness.Parameters[0].Value, [0]);
            harness.Write(harness.Parameters[0].Gradient, [2]);
            harness.Write(harness.Named("momentum"), [1]);

            Agreement.AssertClose([-0.1 * (2 + 0.9 * (0.9 + share * 2))], harness.Run()[harness.Parameters[0].Value], 1e-6);
        }
    }

    [Fact]
    public void A_gradient_that_is_not_finite_changes_nothing()
    {
        foreach (var backend in Backends.Names)
        {
            using var harness = Build(DType.F32, 1, 3, clip: 1);
            harness.Write(harness.Parameters[0].Gradient, [1, double.NaN, 2]);
            using var run = harness.Prepare(Backends.Make(backend));

            Assert.Equal(harness.Read(harness.Parameters[0].Value), run.Run()[harness.Parameters[0].Value]);
        }
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var (columns, clip) in new[] { (1, 0), (33, 0.5), (1000, 1) })
        {
            using var harness = Build(type, rows, columns, clip, 3, dampening: clip / 2, nesterov: columns == 33);
            Agreement.WithReference(backend, harness, 1e-6, 1e-5);
        }
    }

    private static Harness Build(DType type, int rows, int columns, double clip, int step = 0, double dampening = 0, bool nesterov = false)
    {
        var harness = new Harness(new Counts { Step = step }, type);
        harness.Parameter("p", rows, columns);
        var parameter = harness.Parameters[0];
        var momentum = harness.Input("momentum", rows, columns, harness.ParameterType);
        var norm = new GradientNorm().Infer("norm", [parameter.Gradient])[0];
        harness.Allocate(norm);
        harness.Graph.Add(new Node(new GradientNorm(), "norm", -1, [parameter.Gradient], [norm], [false]));
        harness.Add(new Sgd(parameter, 0.9, 0.01, clip) { Dampening = dampening, IsNesterov = nesterov }, parameter.Gradient, norm, harness.Input("rate", 1, 1, DType.F32, [0.1]), momentum, null);
        return harness;
    }
}
