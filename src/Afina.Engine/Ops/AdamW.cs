using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>One step of Adam with decoupled weight decay (Loshchilov, Hutter 2019), in place; the gradient is clipped first and cleared after.</summary>
/// <remarks>
/// gradient, first and second moment like the parameter, norm [1, 1], rate [1, 1] → parameter, both moments, gradient (all in place).
/// g ← g · min(1, clip / (norm + 1e-6)); θ ← θ (1 − rate · decay); m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²;
/// θ ← θ − rate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε), t = step + 1. A norm that is not finite leaves everything as it is.
/// </remarks>
/// <param name="Clip">The largest norm of all gradients together; 0: no clipping.</param>
public sealed record AdamW(Parameter Parameter, double Beta1, double Beta2, double Epsilon, double WeightDecay, double Clip) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs is [{ } gradient, { } first, { } second, { Columns: 1 }, { Columns: 1 }] && gradient.Columns == first.Columns && first.Columns == second.Columns, scope, inputs);
        return [Parameter.Value, inputs[1]!, inputs[2]!, inputs[0]!];
    }
}

/// <summary>The Euclidean norm of several gradients together, summed in fixed chunks in double precision.</summary>
/// <remarks>Any number of gradients → norm [1, 1] F32.</remarks>
public sealed record GradientNorm : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs) => [new Value("gradient norm", DType.F32, 1, 1, Residence.Bound)];
}
