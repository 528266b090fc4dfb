namespace Afina.Data;

/// <summary>A training example as tokens.</summary>
/// <param name="Tokens">The token ids.</param>
/// <param name="Labels">For each token its id where it is trained, <see cref="NotTrained"/> where it is not; token t is predicted from t − 1.</param>
/// <param name="File">The file that the row came from.</param>
/// <param name="Line">Its line.</param>
public sealed record TokenizedExample(int[] Tokens, int[] Labels, string File, int Line)
{
    /// <summary>The label of a token that has no loss.</summary>
    public const int NotTrained = -100;

    /// <summary>Tokens that have a loss: the first of an example never has one.</summary>
    public int TrainedTokens => Math.Max(0, Labels.Length - 1 - Labels.AsSpan(Math.Min(1, Labels.Length)).Count(NotTrained));

    /// <summary>The example with at most <paramref name="length"/> tokens, from its beginning or its end.</summary>
    public TokenizedExample Cut(int? length, bool keepEnd)
    {
        if (length is not { } limit || Tokens.Length <= limit)
            return this;
        var kept = keepEnd ? Range.StartAt(Tokens.Length - limit) : Range.EndAt(limit);
        return this with { Tokens = Tokens[kept], Labels = Labels[kept] };
    }
}
