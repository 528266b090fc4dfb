using Afina.Engine.Graphs;

namespace Afina.Engine.Ops;

/// <summary>One step of Adam with decoupled weight decay (Loshchilov, Hutter 2019).</summary>
/// <remarks>
/// θ ← θ (1 − rate · decay); m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²;
/// θ ← θ − rate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε), t = step + 1. Not decoupled (Adam): g ← g + decay · θ in the place of the first.
/// </remarks>
/// <param name="Parameter">What is moved.</param>
/// <param name="Clip">The largest norm of all gradients together; 0: no clipping.</param>
public sealed record AdamW(Parameter Parameter, double Beta1, double Beta2, double Epsilon, double WeightDecay, double Clip) : ParameterUpdate(Parameter, Clip)
{
    /// <summary>Whether the decay is apart from the gradient.</summary>
    public bool IsDecoupled { get; init; } = true;

    /// <inheritdoc/>
    public override IReadOnlyList<UpdateState> States => [new("exp_avg", true), new("exp_avg_sq", false)];
}
