namespace Afina.Generation.Sampling.Warpers;

/// <summary>Removes tokens below a share of the highest probability.</summary>
internal sealed class MinP(double share) : LogitsStep
{
    private readonly double _log = Math.Log(share);

    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        var max = Softmax.Of(logits).Max;
        foreach (ref var logit in logits)
        {
            if ((double)logit - max < _log)
                logit = Removed;
        }
    }
}

/// <summary>Removes tokens below a probability: ε itself, or η = min(ε, √ε·e^−entropy) (arXiv 2210.15191). The largest logits stay.</summary>
internal sealed class Cutoff(double epsilon, bool byEntropy) : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        var softmax = Softmax.Of(logits);
        var least = byEntropy ? Math.Min(epsilon, Math.Sqrt(epsilon) * Math.Exp(-softmax.Entropy(logits))) : epsilon;
        foreach (ref var logit in logits)
        {
            if (logit < softmax.Max && softmax.Probability(logit) < least)
                logit = Removed;
        }
    }
}
