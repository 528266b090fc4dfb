using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>One step of Adafactor (Shazeer, Stern 2018) as transformers has it, in place; the gradient is clipped first and cleared after.</summary>
/// <remarks>
/// gradient, norm [1, 1], rate [1, 1], then for a matrix the means of its rows [rows, 1] and columns [1, columns], for a vector [1, columns] its
/// squares → parameter, gradient, means (all in place). g ← g · min(1, clip / (norm + 1e-6)); β₂ = 1 − tᵈ, t = step + 1; s = g² + 1e-30;
/// R ← β₂ R + (1 − β₂) mean(s) of each row, C likewise of each column; u = g / √(R / mean(R)) / √C (a vector: V ← β₂ V + (1 − β₂) s, u = g / √V);
/// u ← u / max(1, rms(u) / threshold); θ ← θ (1 − rate · decay) − rate · u. With <see cref="RelativeStep"/> the rate is
/// min(0.01 or, warming up, 1e-6 t; 1/√t), with <see cref="ScaleParameter"/> it is multiplied by max(1e-3, rms(θ)). A norm that is not finite
/// leaves everything as it is.
/// </remarks>
/// <param name="Clip">The largest norm of all gradients together; 0: no clipping.</param>
public sealed record Adafactor(Parameter Parameter, double WeightDecay, double Clip) : Operation
{
    /// <summary>The exponent d, negative.</summary>
    public double DecayRate { get; init; } = -0.8;

    /// <summary>The largest root mean square of an update.</summary>
    public double Threshold { get; init; } = 1;

    /// <summary>Whether the rate grows with the parameter.</summary>
    public bool ScaleParameter { get; init; }

    /// <summary>Whether the rate follows from the step.</summary>
    public bool RelativeStep { get; init; }

    /// <summary>Whether a rate that follows from the step begins small.</summary>
    public bool WarmupInit { get; init; }

    /// <summary>Whether rows and columns are kept instead of elements.</summary>
    public bool IsFactored => Parameter.Value.Rows.Size > 1;

    /// <summary>What is kept of a parameter: name, rows, columns.</summary>
    public IReadOnlyList<(string Name, int Rows, int Columns)> States => IsFactored
        ? [("exp_avg_sq_row", Parameter.Value.Rows.Size, 1), ("exp_avg_sq_col", 1, Parameter.Value.Columns)]
        : [("exp_avg_sq", Parameter.Value.Rows.Size, Parameter.Value.Columns)];

    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        var states = States;
        Require(inputs.Length == 3 + states.Count && inputs[0] is { } gradient && gradient.Rows == Parameter.Value.Rows && gradient.Columns == Parameter.Value.Columns
            && inputs[1] is { Columns: 1 } && inputs[2] is { Columns: 1 }, scope, inputs);
        for (var i = 0; i < states.Count; i++)
            Require(inputs[3 + i] is { Type: not DType.U8 } state && state.Rows == states[i].Rows && state.Columns == states[i].Columns, scope, inputs);
        return [Parameter.Value, inputs[0]!, .. inputs[3..].OfType<Value>()];
    }

    /// <summary>The rate of a step.</summary>
    /// <param name="rate">The rate that is given.</param>
    /// <param name="step">The number of the step, from 0.</param>
    /// <param name="size">The root mean square of the parameter before it moves.</param>
    internal double RateOf(double rate, int step, double size) =>
        (RelativeStep ? Math.Min(WarmupInit ? 1e-6 * (step + 1) : 1e-2, 1 / Math.Sqrt(step + 1)) : rate) * (ScaleParameter ? Math.Max(1e-3, size) : 1);
}
