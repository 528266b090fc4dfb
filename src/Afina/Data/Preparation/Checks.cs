namespace Afina.Data.Preparation;

/// <summary>Looks for faults that other programs train on silently.</summary>
internal sealed class Checks(RowEncoder encoder, PreparationOptions options)
{
    /// <summary>Two begin-of-sequence tokens: one from the text, one from the tokenizer.</summary>
    public void Beginning(Row row, ReadOnlySpan<int> tokens, ICollection<Finding> findings)
    {
        if (encoder.BeginToken is { } begin && tokens.Length > 1 && tokens[0] == begin && tokens[1] == begin)
            findings.Add(new Finding(FindingKind.DoubledBeginning, row.File, row.Line, "the begin-of-sequence token stands twice: leave it out of the text, the tokenizer adds it"));
    }

    /// <summary>A prompt that is tokenized differently alone and before its answer.</summary>
    public void Boundary(Row row, int tokens, ICollection<Finding> findings) => findings.Add(new Finding(FindingKind.PromptNotPrefix, row.File, row.Line,
        $"the last {(tokens == 1 ? "token" : $"{tokens} tokens")} of the prompt {(tokens == 1 ? "is" : "are")} another when the answer follows; the answer counts from there: let the prompt end without a space and the answer begin with one"));

    /// <summary>Whether an example of so many tokens may stay, perhaps cut.</summary>
    /// <exception cref="InvalidDataException">Longer examples are refused.</exception>
    public bool Length(Row row, int tokens, ICollection<Finding> findings, string lost = "")
    {
        if (options.MaxLength is not { } limit || tokens <= limit)
            return true;
        if (options.Excess == ExcessLength.Refuse)
            throw row.Refuse($"{tokens} tokens are more than sequence_len {limit}: raise it, or shorten or delete the row");
        findings.Add(new Finding(FindingKind.Truncated, row.File, row.Line, options.Excess == ExcessLength.Drop
            ? $"{tokens} tokens are more than sequence_len {limit}: the row is left out"
            : $"{tokens} tokens are cut to {limit}{lost}: raise sequence_len or shorten the row"));
        return options.Excess == ExcessLength.Cut;
    }

    /// <summary>Each stretch of trained tokens has to end with a special token (spaces may follow it): otherwise the model does not learn to stop.</summary>
    public void EndOfTurn(Row row, TokenizedExample example, ICollection<Finding> findings)
    {
        var labels = example.Labels;
        for (var i = labels.Length - 1; i >= 0; i--)
        {
            if (labels[i] == TokenizedExample.NotTrained || (i + 1 < labels.Length && labels[i + 1] != TokenizedExample.NotTrained))
                continue;
            if (encoder.IsSpecial(labels[i]) || (i > 0 && labels[i - 1] != TokenizedExample.NotTrained && encoder.IsSpecial(labels[i - 1])))
                continue;
            findings.Add(new Finding(FindingKind.EndOfTurnUntrained, row.File, row.Line, "the token that ends the answer is not trained, so the model would not learn to stop: check the chat template and the tokenizer's eos_token"));
            return;
        }
    }
}
