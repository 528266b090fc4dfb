using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>The Euclidean norm of several gradients together, summed in fixed chunks in double precision.</summary>
/// <remarks>Any number of gradients → norm [1, 1] F32.</remarks>
public sealed record GradientNorm : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs) => [new Value("gradient norm", DType.F32, 1, 1, Residence.Bound)];
}
