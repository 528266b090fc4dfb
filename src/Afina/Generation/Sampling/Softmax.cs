namespace Afina.Generation.Sampling;

/// <summary>The distribution that logits stand for, in double precision; tokens at −∞ are not in it.</summary>
internal readonly record struct Softmax(float Max, double Sum)
{
    /// <summary>The largest logit and the sum of e^(logit − largest).</summary>
    public static Softmax Of(ReadOnlySpan<float> logits)
    {
        var max = float.NegativeInfinity;
        foreach (var logit in logits)
            max = Math.Max(max, logit);
        if (float.IsNegativeInfinity(max))
            throw new InvalidOperationException("every token was removed before one could be chosen: loosen suppress_tokens, bad_words_ids or the grammar");
        if (!float.IsFinite(max))
            throw new InvalidDataException("the model gave logits that are not finite: the adapter or the base model is damaged");
        var sum = 0.0;
        foreach (var logit in logits)
        {
            if (logit > float.NegativeInfinity)
                sum += Math.Exp((double)logit - max);
        }

        return new Softmax(max, sum);
    }

    public double Probability(float logit) => Math.Exp((double)logit - Max) / Sum;

    public double LogProbability(float logit) => (double)logit - Max - Math.Log(Sum);

    /// <summary>−Σ p·ln p.</summary>
    public double Entropy(ReadOnlySpan<float> logits)
    {
        var weighted = 0.0;
        foreach (var logit in logits)
        {
            if (logit > float.NegativeInfinity)
                weighted += Math.Exp((double)logit - Max) * ((double)logit - Max);
        }

        return Math.Log(Sum) - weighted / Sum;
    }
}
