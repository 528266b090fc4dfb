using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class LionTests
{
    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Fact]
    public void Moves_by_the_rate_against_the_sign_of_momentum_and_gradient_after_the_decay()
    {
        using var harness = Build(DType.F64, 1, 4);
        var parameter = harness.Parameters[0];
        harness.Write(parameter.Value, [1, 1, 1, -2]);
        harness.Write(parameter.Gradient, [0.5, -0.5, 0, 1]);
        harness.Write(harness.Named("exp_avg"), [0, 0, 0, -1]);
        var outputs = harness.Run();

        // The last one's old momentum outweighs its gradient.
        Agreement.AssertClose([0.99 - 0.1, 0.99 + 0.1, 0.99, -1.98 + 0.1], outputs[parameter.Value], 1e-7);
        Agreement.AssertClose([0.005, -0.005, 0, -0.98], outputs[harness.Named("exp_avg")], 1e-9);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var columns in new[] { 1, 33, 1000 })
        {
            using var harness = Build(type, rows, columns);
            Agreement.WithReference(backend, harness, 1e-6, 1e-5);
        }
    }

    private static Harness Build(DType type, int rows, int columns)
    {
        var harness = new Harness(default, type);
        harness.Parameter("p", rows, columns);
        var parameter = harness.Parameters[0];
        var momentum = harness.Input("exp_avg", rows, columns, harness.ParameterType);
        harness.Add(new Lion(parameter, 0.9, 0.99, 0.1, 0), parameter.Gradient, harness.Input("norm", 1, 1, DType.F32, [1]), harness.Input("rate", 1, 1, DType.F32, [0.1]), momentum, null);
        return harness;
    }
}
