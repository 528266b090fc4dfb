using Afina.Engine.Graphs;

namespace Afina.Engine.Ops;

/// <summary>The function of a gate.</summary>
public enum ActivationKind : byte
{
    /// <summary>x · σ(x) (SwiGLU).</summary>
    Silu,

    /// <summary>The tanh approximation of the Gaussian error linear unit (GeGLU).</summary>
    GeluTanh,

    /// <summary>The exact Gaussian error linear unit.</summary>
    Gelu,
}

/// <summary>A gated activation (Shazeer 2020): h = f(gate) · up.</summary>
/// <remarks>gate, up [rows, dim] → h [rows, dim]. dgate = dh · up · f′(gate); dup = dh · f(gate).</remarks>
public sealed record GatedActivation(ActivationKind Kind) : Operation
{
    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs is [{ } gate, { } up] && gate.Columns == up.Columns && gate.Rows == up.Rows, scope, inputs);
        return [new Value(scope + ".act", inputs[0]!.Type, inputs[0]!.Rows, inputs[0]!.Columns)];
    }

    /// <inheritdoc/>
    public override bool IsRowInput(int input) => true;

    /// <inheritdoc/>
    public override void Backward(GradientBuilder gradient, Node node) =>
        gradient.Emit(new GatedActivationGradient(Kind, gradient.Needs(node.Inputs[0]), gradient.Needs(node.Inputs[1])),
            [node.Inputs[0], node.Inputs[1], gradient.Of(node.Outputs[0])], [.. node.Inputs.Where(gradient.Needs).Select(input => gradient.Into(input!))]);
}

/// <summary>The backward of <see cref="GatedActivation"/>.</summary>
/// <remarks>gate, up, dh [rows, dim] → those of dgate and dup [rows, dim] that are asked for.</remarks>
/// <param name="Kind">The gate's function.</param>
/// <param name="Gate">Whether dgate is asked for.</param>
/// <param name="Up">Whether dup is asked for.</param>
public sealed record GatedActivationGradient(ActivationKind Kind, bool Gate = true, bool Up = true) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs) => throw new InvalidOperationException("emitted by GatedActivation only");
}
