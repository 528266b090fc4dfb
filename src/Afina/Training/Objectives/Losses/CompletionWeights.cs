namespace Afina.Training.Objectives.Losses;

/// <summary>Weights of the tokens and pairs of preference losses.</summary>
internal static class CompletionWeights
{
    /// <summary>Length-desensitized DPO (arXiv 2409.06411): tokens beyond the shorter completion's length count only <paramref name="alpha"/>.</summary>
    /// <param name="token">The token's place in its completion, from 0.</param>
    /// <param name="length">Tokens of its completion.</param>
    /// <param name="otherLength">Tokens of the other completion of the pair.</param>
    /// <param name="alpha">TRL's <c>ld_alpha</c>; null counts every token once.</param>
    public static double LengthDesensitized(int token, int length, int otherLength, double? alpha) =>
        alpha is { } share && token >= Math.Min(length, otherLength) ? share : 1;

    /// <summary>The weight of one completion in WPO (arXiv 2406.11827): e to the mean over its tokens of log p − log Σ p², the sum over the
    /// vocabulary. A pair's weight is the product of both, a constant for the gradient.</summary>
    /// <param name="logProbs">Log-probabilities of the tokens.</param>
    /// <param name="logSquares">For every token, log Σ p² of the distribution it was drawn from.</param>
    public static double Policy(ReadOnlySpan<double> logProbs, ReadOnlySpan<double> logSquares)
    {
        if (logProbs.IsEmpty)
            return 1;
        var sum = 0.0;
        for (var i = 0; i < logProbs.Length; i++)
            sum += logProbs[i] - logSquares[i];
        return Math.Exp(sum / logProbs.Length);
    }
}
