namespace Afina.Generation.Sampling.Warpers;

/// <summary>Divides the logits.</summary>
internal sealed class Temperature(float temperature) : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        foreach (ref var logit in logits)
            logit /= temperature;
    }
}

/// <summary>Logits become log-probabilities.</summary>
internal sealed class Renormalize : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        var softmax = Softmax.Of(logits);
        foreach (ref var logit in logits)
            logit = (float)softmax.LogProbability(logit);
    }
}
