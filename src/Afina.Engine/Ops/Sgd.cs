using Afina.Engine.Graphs;

namespace Afina.Engine.Ops;

/// <summary>One step of stochastic gradient descent with momentum and weight decay, in place; the gradient is clipped first and cleared after.</summary>
/// <remarks>
/// gradient and momentum like the parameter, norm [1, 1], rate [1, 1] → parameter, momentum, gradient (all in place).
/// g ← g · min(1, clip / (norm + 1e-6)) + decay · θ; m ← momentum · m + g (the first step: m ← g, which a cleared m gives too);
/// θ ← θ − rate · m. A norm that is not finite leaves everything as it is.
/// </remarks>
/// <param name="Clip">The largest norm of all gradients together; 0: no clipping.</param>
public sealed record Sgd(Parameter Parameter, double Momentum, double WeightDecay, double Clip) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs is [{ } gradient, { } momentum, { Columns: 1 }, { Columns: 1 }] && gradient.Columns == momentum.Columns, scope, inputs);
        return [Parameter.Value, inputs[1]!, inputs[0]!];
    }
}
