namespace Afina.Generation.Sampling.Warpers;

/// <summary>Keeps the tokens whose surprise −ln p is nearest to the entropy, up to a probability; those equally near as the last one stay
/// (locally typical sampling, arXiv 2202.00666).</summary>
internal sealed class TypicalP(double mass) : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        var softmax = Softmax.Of(logits);
        var entropy = softmax.Entropy(logits);
        var count = 0;
        for (var i = 0; i < logits.Length; i++)
        {
            if (float.IsNegativeInfinity(logits[i]))
                continue;
            workspace.Values[count] = Distance(softmax, entropy, logits[i]);
            workspace.Keys[count++] = (uint)i;
        }

        var distances = workspace.Values.AsSpan(0, count);
        var tokens = workspace.Keys.AsSpan(0, count);
        distances.Sort(tokens);
        var cumulative = 0.0;
        var last = 0;
        while (last < count - 1)
        {
            cumulative += softmax.Probability(logits[(int)tokens[last]]);
            if (cumulative >= mass)
                break;
            last++;
        }

        var farthest = distances[last];
        foreach (ref var logit in logits)
        {
            if (Distance(softmax, entropy, logit) > farthest)
                logit = Removed;
        }
    }

    private static double Distance(Softmax softmax, double entropy, float logit) => Math.Abs(-softmax.LogProbability(logit) - entropy);
}
