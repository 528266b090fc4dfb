using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>The cosines and sines of a rotary embedding, once per program: c = scale · cos(position · frequency), s likewise.</summary>
/// <remarks>positions [rows, 1] I32, frequencies [1, half] F32 → table [rows, 2 · half] F32: the cosines, then the sines.</remarks>
/// <param name="Scale">1, or the attention factor of yarn and longrope.</param>
public sealed record RotaryTable(float Scale = 1) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs is [{ Type: DType.I32, Columns: 1 }, { Type: DType.F32 or DType.F64, Rows.Size: 1 }], scope, inputs);
        return [new Value(scope, inputs[1]!.Type, inputs[0]!.Rows, 2 * inputs[1]!.Columns)];
    }

    /// <inheritdoc/>
    public override bool IsRowInput(int input) => input == 0;
}

/// <summary>Rotates the pairs (i, i + half) of the first 2 · half elements of each head (Su et al. 2021, in the halves layout of Hugging Face).</summary>
/// <remarks>x [rows, heads · headDim], table [rows, 2 · half] → y; elements past 2 · half pass. The backward is the inverse rotation.</remarks>
/// <param name="HeadDim">Elements of a head.</param>
/// <param name="Inverse">Rotates back.</param>
public sealed record Rotary(int HeadDim, bool Inverse = false) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs is [{ } x, { } table] && x.Columns % HeadDim == 0 && table.Columns <= HeadDim, scope, inputs);
        return [new Value(scope, inputs[0]!.Type, inputs[0]!.Rows, inputs[0]!.Columns)];
    }

    /// <inheritdoc/>
    public override bool IsRowInput(int input) => true;

    /// <inheritdoc/>
    public override void Backward(GradientBuilder gradient, Node node)
    {
        if (gradient.Needs(node.Inputs[0]))
            gradient.Emit(this with { Inverse = !Inverse }, [gradient.Of(node.Outputs[0]), node.Inputs[1]], gradient.Into(node.Inputs[0]!));
    }
}
