using Afina.Engine.Graphs;

namespace Afina.Engine.Ops;

/// <summary>One step of stochastic gradient descent with momentum and weight decay.</summary>
/// <remarks>g ← g + decay · θ; m ← momentum · m + (1 − dampening) g (the first step: m ← g); θ ← θ − rate · m, with Nesterov's momentum
/// θ ← θ − rate (g + momentum · m). Without momentum nothing is kept.</remarks>
/// <param name="Parameter">What is moved.</param>
/// <param name="Clip">The largest norm of all gradients together; 0: no clipping.</param>
public sealed record Sgd(Parameter Parameter, double Momentum, double WeightDecay, double Clip) : ParameterUpdate(Parameter, Clip)
{
    /// <summary>Share of the gradient that the momentum leaves out.</summary>
    public double Dampening { get; init; }

    /// <summary>Whether it looks a step of the momentum ahead.</summary>
    public bool IsNesterov { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<UpdateState> States => Momentum > 0 ? [new("momentum_buffer", true)] : [];
}
