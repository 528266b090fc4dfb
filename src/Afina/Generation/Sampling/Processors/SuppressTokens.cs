namespace Afina.Generation.Sampling.Processors;

/// <summary>Removes tokens everywhere.</summary>
internal sealed class SuppressTokens(int[] tokens) : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        foreach (var token in tokens)
            logits[token] = Removed;
    }
}

/// <summary>Removes tokens at the beginning of the answer, which is one later where the first token is forced.</summary>
internal sealed class SuppressFirstTokens(int[] tokens, bool firstIsForced) : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        if (history.New != (firstIsForced && history.PromptLength <= 1 ? 1 : 0))
            return;
        foreach (var token in tokens)
            logits[token] = Removed;
    }
}

/// <summary>Replaces NaN by 0 and infinities by the greatest finite numbers.</summary>
internal sealed class RemoveInvalidValues : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        foreach (ref var logit in logits)
        {
            if (float.IsNaN(logit))
                logit = 0;
            else
                logit = Math.Clamp(logit, float.MinValue, float.MaxValue);
        }
    }
}
