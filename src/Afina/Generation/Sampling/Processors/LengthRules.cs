namespace Afina.Generation.Sampling.Processors;

/// <summary>Removes the end tokens before a least length.</summary>
internal sealed class MinimumLength(int length, int[] eos, bool countsPrompt) : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        if ((countsPrompt ? history.Length : history.New) >= length)
            return;
        foreach (var token in eos)
            logits[token] = Removed;
    }
}

/// <summary>Leaves one token after a prompt of one token.</summary>
internal sealed class ForcedFirstToken(int token) : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        if (history.Length != 1)
            return;
        logits.Fill(Removed);
        logits[token] = 0;
    }
}

/// <summary>Leaves only the end tokens for the last position that the greatest length allows.</summary>
internal sealed class ForcedLastToken(int[] eos, int? maxLength, int? maxNewTokens) : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        var length = maxNewTokens is { } count ? history.PromptLength + count : maxLength;
        if (history.Length != length - 1)
            return;
        logits.Fill(Removed);
        foreach (var token in eos)
            logits[token] = 0;
    }
}

/// <summary>Raises the end tokens by |logit|·(factor^n − 1), n tokens after the start.</summary>
internal sealed class ExponentialDecay(LengthPenalty penalty, int[] eos) : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        var beyond = history.New - penalty.Start;
        if (beyond <= 0)
            return;
        var growth = Math.Pow(penalty.Factor, beyond) - 1;
        foreach (var token in eos)
            logits[token] = (float)(logits[token] + Math.Abs(logits[token]) * growth);
    }
}
