namespace Afina.Generation.Sampling.Processors;

/// <summary>Adds a number to the logit of a sequence's last token where the tokens before it stand at the end of the history. A sequence
/// longer than the history is passed over.</summary>
internal sealed class SequenceBiasStep(IReadOnlyList<SequenceBias> biases) : LogitsStep
{
    private readonly SequenceBias[] _biases = [.. biases];

    /// <summary>Removes the last token of each sequence; a sequence that is just an end token stays allowed.</summary>
    public static SequenceBiasStep BadWords(IEnumerable<int[]> sequences, int[] eos) =>
        new([.. sequences.Where(words => words.Length > 1 || !eos.Contains(words[0])).Select(words => new SequenceBias(words, Removed))]);

    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        foreach (var bias in _biases)
        {
            var prefix = bias.Tokens.AsSpan(..^1);
            if (prefix.IsEmpty || (bias.Tokens.Length <= history.Length && history.Tokens.EndsWith(prefix)))
                logits[bias.Tokens[^1]] += bias.Bias;
        }
    }
}
