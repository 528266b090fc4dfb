using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>Root-mean-square normalization of each group of a row (Zhang, Sennrich 2019): y = x · r · (g + offset), r = 1 / √(mean(x²) + ε).</summary>
/// <remarks>x [rows, groups · dim], g [1, dim] → y [rows, groups · dim]; nothing is saved, r is computed again from x.
/// dx = r · (g·dy − x · r² · mean(x · g·dy)); dg += Σ dy · x · r.</remarks>
/// <param name="Epsilon">Added to the mean square.</param>
/// <param name="Type">The type of y.</param>
/// <param name="GainOffset">1 in the Gemma family, whose files hold g − 1.</param>
public sealed record RmsNorm(float Epsilon, DType Type, float GainOffset = 0) : Operation
{
    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs is [{ } x, { Rows.Size: 1 } g] && x.Columns % g.Columns == 0, scope, inputs);
        return [new Value(scope, Type, inputs[0]!.Rows, inputs[0]!.Columns)];
    }

    /// <inheritdoc/>
    public override bool IsRowInput(int input) => input == 0;

    /// <inheritdoc/>
    public override void Backward(GradientBuilder gradient, Node node)
    {
        var dy = gradient.Of(node.Outputs[0]);
        if (gradient.Needs(node.Inputs[1]))
            gradient.Emit(new RmsNormGainGradient(Epsilon), [node.Inputs[0], dy], gradient.Into(node.Inputs[1]!));
        if (gradient.Needs(node.Inputs[0]))
            gradient.Emit(new RmsNormGradient(Epsilon, GainOffset), [node.Inputs[0], node.Inputs[1], dy], gradient.Into(node.Inputs[0]!));
    }
}

/// <summary>The input's gradient of <see cref="RmsNorm"/>.</summary>
/// <remarks>x [rows, groups · dim], g [1, dim], dy [rows, groups · dim] → dx.</remarks>
public sealed record RmsNormGradient(float Epsilon, float GainOffset) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs) => throw new InvalidOperationException("emitted by RmsNorm only");
}

/// <summary>The gain's gradient of <see cref="RmsNorm"/>.</summary>
/// <remarks>x [rows, groups · dim], dy → dg [1, dim], added to.</remarks>
public sealed record RmsNormGainGradient(float Epsilon) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs) => throw new InvalidOperationException("emitted by RmsNorm only");
}
