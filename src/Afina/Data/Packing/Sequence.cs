namespace Afina.Data.Packing;

/// <summary>What a sequence asks of one of its rows.</summary>
/// <param name="Position">The row: its token and all before it are the context.</param>
/// <param name="Token">The token to predict from there.</param>
/// <param name="Weight">How much it counts.</param>
public readonly record struct SequenceTarget(int Position, int Token, float Weight);

/// <summary>The rows that an example needs: none after the last one that predicts something.</summary>
/// <param name="Tokens">The input token of each row.</param>
/// <param name="Targets">What the rows have to predict, by position.</param>
public sealed record Sequence(ReadOnlyMemory<int> Tokens, IReadOnlyList<SequenceTarget> Targets)
{
    /// <summary>Tokens at the beginning that others of the data set have too: always a segment of their own. 0: unknown.</summary>
    internal int Common { get; init; }

    /// <summary>The rows of an example whose row i predicts label i + 1.</summary>
    public static Sequence Of(ReadOnlyMemory<int> tokens, ReadOnlySpan<int> labels, float weight = 1)
    {
        if (labels.Length != tokens.Length)
            throw new ArgumentException($"{tokens.Length} tokens, but {labels.Length} labels", nameof(labels));
        var targets = new List<SequenceTarget>();
        for (var i = 1; i < labels.Length; i++)
        {
            if (labels[i] != TokenizedExample.NotTrained)
                targets.Add(new SequenceTarget(i - 1, labels[i], weight));
        }

        return new Sequence(targets.Count == 0 ? default : tokens[..(targets[^1].Position + 1)], [.. targets]);
    }

    /// <summary>The rows of a training example.</summary>
    public static Sequence Of(TokenizedExample example) => Of(example.Tokens, example.Labels);

    /// <summary>A prompt with one of its answers, whose tokens all count.</summary>
    public static Sequence OfAnswer(ReadOnlySpan<int> prompt, ReadOnlySpan<int> answer)
    {
        int[] tokens = [.. prompt, .. answer];
        int[] labels = [.. tokens];
        labels.AsSpan(0, prompt.Length).Fill(TokenizedExample.NotTrained);
        return Of(tokens, labels);
    }
}
