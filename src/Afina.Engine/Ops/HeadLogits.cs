using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>The output head alone: logits = cap(scale · x Wᵀ), for generation.</summary>
/// <remarks>x [labelled, dim], W [vocabulary, dim] → logits [labelled, vocabulary] F32.</remarks>
public sealed record HeadLogits(LossOptions Options) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs is [{ } x, { } w] && x.Columns == w.Columns, scope, inputs);
        return [new Value(scope + ".logits", inputs[0]!.Type == DType.F64 ? DType.F64 : DType.F32, inputs[0]!.Rows, inputs[1]!.Rows.Size)];
    }

    /// <inheritdoc/>
    public override double Flops(Node node, in Counts counts, ReadOnlySpan<Segment> segments) =>
        2.0 * node.Inputs[1]!.Rows.Size * node.Inputs[1]!.Columns * node.Inputs[0]!.Rows.Of(counts);
}
