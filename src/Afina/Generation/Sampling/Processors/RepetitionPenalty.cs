namespace Afina.Generation.Sampling.Processors;

/// <summary>Makes every token of the prompt and the answer less probable: a negative logit is multiplied, another divided, once per token.</summary>
internal sealed class RepetitionPenalty(float penalty) : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        workspace.ClearMarks();
        foreach (var token in history.Tokens)
        {
            if (!workspace.Mark(token))
                continue;
            ref var logit = ref logits[token];
            logit = logit < 0 ? logit * penalty : logit / penalty;
        }
    }
}

/// <summary>OpenAI's penalties: logit −= count·frequency + presence, counting the answer only.</summary>
internal sealed class AnswerPenalties(float presence, float frequency) : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        workspace.ClearMarks();
        foreach (var token in history.Answer)
        {
            logits[token] -= frequency;
            if (workspace.Mark(token))
                logits[token] -= presence;
        }
    }
}
