namespace Afina.Generation.Sampling.Processors;

/// <summary>Removes every token that has followed the last n − 1 tokens before.</summary>
internal sealed class NoRepeatNgram(int size) : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        var tokens = history.Tokens;
        var prefix = size - 1;
        if (tokens.Length < size)
            return;
        var last = tokens[^prefix..];
        for (var start = 0; start + prefix < tokens.Length; start++)
        {
            if (tokens.Slice(start, prefix).SequenceEqual(last))
                logits[tokens[start + prefix]] = Removed;
        }
    }
}
