using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>Inverted dropout: y = mask ⊙ x / (1 − p), with a mask that depends on (seed, step, micro-step, module, row, column) alone.</summary>
/// <remarks>x [rows, dim] and, where only chosen rows are given, their numbers [rows, 1] I32 → y [rows, dim]; the mask is never stored.
/// dx = mask ⊙ dy / (1 − p).</remarks>
/// <param name="Probability">The share of elements that are dropped.</param>
/// <param name="Module">A number of the module, fixed when the model is built.</param>
public sealed record Dropout(float Probability, int Module) : Operation
{
    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    public override bool IsRandom => true;

    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs is [{ }] || inputs is [{ }, { Type: DType.I32, Columns: 1 }], scope, inputs);
        return [new Value(scope + ".dropped", inputs[0]!.Type, inputs[0]!.Rows, inputs[0]!.Columns) { GradientType = inputs[0]!.GradientType }];
    }

    /// <inheritdoc/>
    public override bool IsRowInput(int input) => input == 0;

    /// <inheritdoc/>
    public override (Operation Operation, Value?[] Inputs) ForRows(Value?[] inputs, Value rows) => (this, [inputs[0], rows]);

    /// <inheritdoc/>
    public override void Backward(GradientBuilder gradient, Node node)
    {
        if (gradient.Needs(node.Inputs[0]))
            gradient.Emit(this, [gradient.Of(node.Outputs[0]), .. node.Inputs[1..]], gradient.Into(node.Inputs[0]!));
    }
}
