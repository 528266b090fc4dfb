using Afina.Engine.Graphs;

namespace Afina.Engine.Ops;

/// <summary>One step of Lion (Chen et al. 2023): every element moves by the rate, against the sign of an interpolated momentum.</summary>
/// <remarks>θ ← θ (1 − rate · decay); θ ← θ − rate · sign(β₁ m + (1 − β₁) g); m ← β₂ m + (1 − β₂) g.</remarks>
/// <param name="Parameter">What is moved.</param>
/// <param name="Clip">The largest norm of all gradients together; 0: no clipping.</param>
public sealed record Lion(Parameter Parameter, double Beta1, double Beta2, double WeightDecay, double Clip) : ParameterUpdate(Parameter, Clip)
{
    /// <inheritdoc/>
    public override IReadOnlyList<UpdateState> States => [new("exp_avg", true)];
}
