using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>How a row's loss comes from its log-probabilities.</summary>
/// <param name="LogitScale">Factor of the logits.</param>
/// <param name="SoftCap">c in logit ← c · tanh(logit / c), after the factor; 0: none.</param>
/// <param name="LabelSmoothing">ε: loss = (1 − ε) · −log p + ε · mean over the vocabulary of −log p.</param>
/// <param name="Dynamic">Each target counts with its own probability, held constant (dynamic fine-tuning, DFT).</param>
public sealed record LossOptions(float LogitScale = 1, float SoftCap = 0, float LabelSmoothing = 0, bool Dynamic = false);

/// <summary>The output head with its loss, in chunks of rows, so that logits of the whole batch never exist.</summary>
/// <remarks>
/// x [labelled, dim], W [vocabulary, dim], tokens [targets, 1] I32, their rows [targets, 1] I32 (places in x, ascending), weights [targets, 1]
/// → log-probability of each target [targets, 1]; per row: log-sum-exp [labelled, 1], most likely token [labelled, 1] I32, mean logit
/// [labelled, 1], entropy [labelled, 1]; and with <paramref name="WithGradient"/> dx [labelled, dim] of Σ weight · loss, computed in the same pass:
/// dlogit = Σ over the row's targets of weight · (p − (1 − ε) · [v = token] − ε / V). Without it the weights may be written after the
/// log-probabilities were read: the backward is <see cref="HeadLossGradient"/>.
/// </remarks>
public sealed record HeadLoss(LossOptions Options, bool WithGradient) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs is [{ } x, { } w, { Type: DType.I32 }, { Type: DType.I32 }, { }] && x.Columns == w.Columns, scope, inputs);
        var (hidden, weights) = (inputs[0]!, inputs[4]!);
        List<Value> outputs =
        [
            new(scope + ".logp", weights.Type, weights.Rows, 1),
            new(scope + ".lse", weights.Type, hidden.Rows, 1),
            new(scope + ".best", DType.I32, hidden.Rows, 1),
            new(scope + ".mean", weights.Type, hidden.Rows, 1),
            new(scope + ".entropy", weights.Type, hidden.Rows, 1),
        ];
        if (WithGradient)
            outputs.Add(new Value($"d {hidden.Name}", hidden.GradientType, hidden.Rows, hidden.Columns));
        return [.. outputs];
    }

    /// <inheritdoc/>
    public override double Flops(Node node, in Counts counts, ReadOnlySpan<Segment> segments) =>
        (WithGradient ? 4.0 : 2.0) * node.Inputs[1]!.Rows.Size * node.Inputs[1]!.Columns * node.Inputs[0]!.Rows.Of(counts);

    /// <inheritdoc/>
    public override void Backward(GradientBuilder gradient, Node node)
    {
        if (gradient.Needs(node.Inputs[1]))
            throw new InvalidOperationException($"{node.Inputs[1]} is trained, but the head has no gradient for its weight");
        if (!gradient.Needs(node.Inputs[0]))
            return;
        var (x, dx) = (node.Inputs[0]!, WithGradient ? node.Outputs[5] : null);
        if (dx is null)
        {
            Value?[] inputs = [.. node.Inputs, node.Outputs[1]];
            var operation = new HeadLossGradient(Options);
            dx = operation.Infer(node.Scope, inputs)[0];
            gradient.Emit(operation, inputs, GradientBuilder.Temporary(dx));
        }

        if (!gradient.TryShare(x, dx))
            gradient.Emit(new Sum(dx.Type), [dx], gradient.Into(x));
    }
}
