using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>Picks rows: y[i] = x[index[i]], the indices ascending and distinct.</summary>
/// <remarks>x [rows, dim], index [labelled, 1] I32 → y [labelled, dim]. dx[index[i]] = dy[i], all other rows 0.</remarks>
public sealed record SelectRows : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs is [{ }, { Type: DType.I32, Columns: 1 }], scope, inputs);
        return [new Value(inputs[0]!.Name + ".labelled", inputs[0]!.Type, inputs[1]!.Rows, inputs[0]!.Columns) { GradientType = inputs[0]!.GradientType }];
    }

    /// <inheritdoc/>
    public override void Backward(GradientBuilder gradient, Node node)
    {
        if (gradient.Needs(node.Inputs[0]))
            gradient.Emit(new SelectRowsGradient(), [gradient.Of(node.Outputs[0]), node.Inputs[1]], gradient.Into(node.Inputs[0]!));
    }
}

/// <summary>The backward of <see cref="SelectRows"/>.</summary>
/// <remarks>dy [labelled, dim], index [labelled, 1] → dx [rows, dim].</remarks>
public sealed record SelectRowsGradient : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs) => throw new InvalidOperationException("emitted by SelectRows only");
}
