using Afina.Engine.Graphs;

namespace Afina.Engine.Ops;

/// <summary>One step of stochastic gradient descent with momentum and weight decay.</summary>
/// <remarks>g ← g + decay · θ; m ← momentum · m + g (the first step: m ← g, which a cleared m gives too); θ ← θ − rate · m. Without momentum
/// nothing is kept.</remarks>
/// <param name="Parameter">What is moved.</param>
/// <param name="Clip">The largest norm of all gradients together; 0: no clipping.</param>
public sealed record Sgd(Parameter Parameter, double Momentum, double WeightDecay, double Clip) : ParameterUpdate(Parameter, Clip)
{
    /// <inheritdoc/>
    public override IReadOnlyList<UpdateState> States => Momentum > 0 ? [new("momentum_buffer", true)] : [];
}
