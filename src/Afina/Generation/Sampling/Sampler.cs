namespace Afina.Generation.Sampling;

/// <summary>Chooses the next token from the scores of a <see cref="LogitsPipeline"/>.</summary>
internal sealed class Sampler(bool greedy, ulong seed)
{
    /// <summary>A sampler for these options.</summary>
    public static Sampler Create(SamplingOptions options, ulong seed) => new(options.Greedy, seed);

    /// <summary>The token: the best one, or one drawn with the number of (seed, position).</summary>
    /// <param name="scores">Logits or log-probabilities; −∞ is never chosen.</param>
    /// <param name="position">Counts the tokens of the request, so that every choice has its own number.</param>
    public int Next(ReadOnlySpan<float> scores, long position) =>
        greedy ? Best(scores) : Draw(scores, CounterRandom.Uniform(seed, (ulong)position));

    /// <summary>The first of the largest scores.</summary>
    public static int Best(ReadOnlySpan<float> scores)
    {
        var best = -1;
        var max = float.NegativeInfinity;
        for (var i = 0; i < scores.Length; i++)
        {
            if (scores[i] <= max)
                continue;
            (max, best) = (scores[i], i);
            if (!float.IsFinite(max))
                break;
        }

        if (!float.IsFinite(max))
            _ = Softmax.Of(scores);
        return best;
    }

    /// <summary>The token at <paramref name="uniform"/> (0 to 1) of the cumulative distribution.</summary>
    public static int Draw(ReadOnlySpan<float> scores, double uniform)
    {
        var softmax = Softmax.Of(scores);
        var target = uniform * softmax.Sum;
        var cumulative = 0.0;
        var last = -1;
        for (var i = 0; i < scores.Length; i++)
        {
            if (float.IsNegativeInfinity(scores[i]))
                continue;
            var weight = Math.Exp((double)scores[i] - softmax.Max);
            if (weight == 0)
                continue;
            cumulative += weight;
            last = i;
            if (cumulative > target)
                break;
        }

        return last;
    }
}
