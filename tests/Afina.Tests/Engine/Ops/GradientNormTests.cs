using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class GradientNormTests
{
    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Fact]
    public void The_norm_is_that_of_all_gradients_together()
    {
        using var harness = new Harness(default);
        var norm = new Value("norm", DType.F64, 1, 1);
        harness.Graph.Results.Add(norm);
        Value[] gradients = [harness.Input("a", 1, 2, DType.F64, [1, 2]), harness.Input("b", 2, 1, DType.F64, [2, 4])];
        harness.Graph.Add(new Node(new GradientNorm(), "norm", -1, gradients, [norm], [false]));

        Agreement.AssertClose([5], harness.Run()[norm]);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        using var harness = new Harness(default, type);
        Value[] gradients = [harness.Input("a", rows, 33, DType.F32), harness.Input("b", 2, 1, DType.F32), harness.Input("c", rows, 1000, DType.F32)];
        var norm = new GradientNorm().Infer("norm", gradients)[0];
        harness.Allocate(norm);
        harness.Graph.Add(new Node(new GradientNorm(), "norm", -1, gradients, [norm], [false]));

        Agreement.WithReference(backend, harness, 1e-6, 1e-6);
    }
}
