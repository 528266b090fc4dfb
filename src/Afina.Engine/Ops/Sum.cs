using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>The sum of one or two values: y = a (+ b); with one input, a copy or a conversion.</summary>
/// <remarks>a, b [rows, dim] → y [rows, dim]. da = db = dy, the same buffer.</remarks>
/// <param name="Type">The type of y.</param>
public sealed record Sum(DType Type) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs.All(value => value is not null && value.Columns == inputs[0]!.Columns && value.Rows == inputs[0]!.Rows), scope, inputs);
        return [new Value(scope, Type, inputs[0]!.Rows, inputs[0]!.Columns) { GradientType = inputs[0]!.GradientType }];
    }

    /// <inheritdoc/>
    public override bool IsRowInput(int input) => true;

    /// <inheritdoc/>
    public override void Backward(GradientBuilder gradient, Node node)
    {
        var dy = gradient.Of(node.Outputs[0])!;
        foreach (var input in node.Inputs)
        {
            if (gradient.Needs(input) && !gradient.TryShare(input!, dy))
                gradient.Emit(new Sum(input!.GradientType), [dy], gradient.Into(input));
        }
    }
}
