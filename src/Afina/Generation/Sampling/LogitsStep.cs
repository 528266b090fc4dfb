namespace Afina.Generation.Sampling;

/// <summary>One step between a model's logits and the choice of a token: changes the row in place; −∞ removes a token.</summary>
internal abstract class LogitsStep
{
    /// <summary>What a removed token's logit is.</summary>
    protected const float Removed = float.NegativeInfinity;

    public abstract void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace);
}
