using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>The gradient of a head whose targets were weighed after their log-probabilities were seen: the logits are computed again, in
/// chunks of rows.</summary>
/// <remarks>
/// x [labelled, dim], W [vocabulary, dim], tokens [targets, 1] I32, their rows [targets, 1] I32 (ascending), weights [targets, 1], and the rows'
/// log-sum-exp [labelled, 1] that <see cref="HeadLoss"/> left → dx [labelled, dim] of Σ weight · loss, as there, with p = e^(logit − lse).
/// </remarks>
public sealed record HeadLossGradient(LossOptions Options) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs is [{ } x, { } w, { Type: DType.I32 }, { Type: DType.I32 }, { }, { Columns: 1 } lse] && x.Columns == w.Columns && lse.Rows == x.Rows, scope, inputs);
        var hidden = inputs[0]!;
        return [new Value($"d {hidden.Name}", hidden.GradientType, hidden.Rows, hidden.Columns)];
    }

    /// <inheritdoc/>
    public override double Flops(Node node, in Counts counts, ReadOnlySpan<Segment> segments) =>
        4.0 * node.Inputs[1]!.Rows.Size * node.Inputs[1]!.Columns * node.Inputs[0]!.Rows.Of(counts);
}
