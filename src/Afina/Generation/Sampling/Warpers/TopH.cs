namespace Afina.Generation.Sampling.Warpers;

/// <summary>Keeps the most probable tokens as long as their part of the entropy stays within a share of it, computed over the hundred
/// largest logits (top-H decoding, arXiv 2509.02510); the most probable one stays.</summary>
internal sealed class TopH(double share) : LogitsStep
{
    private const int Considered = 100;

    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        var keys = TopK.Largest(logits, Math.Min(Considered, logits.Length), workspace.Keys);
        keys.Sort();
        keys.Reverse();
        var max = (double)logits[SamplingWorkspace.Token(keys[0])];
        var sum = 0.0;
        foreach (var key in keys)
            sum += Math.Exp(logits[SamplingWorkspace.Token(key)] - max);
        var terms = workspace.Values.AsSpan(0, keys.Length);
        var entropy = 0.0;
        for (var i = 0; i < keys.Length; i++)
        {
            var log = logits[SamplingWorkspace.Token(keys[i])] - max - Math.Log(sum);
            terms[i] = double.IsNegativeInfinity(log) ? 0 : -Math.Exp(log) * log;
            entropy += terms[i];
        }

        var least = keys[0];
        var cumulative = terms[0];
        for (var i = 1; i < keys.Length; i++)
        {
            cumulative += terms[i];
            if (cumulative > entropy * share)
                break;
            least = keys[i];
        }

        SamplingWorkspace.RemoveBelow(logits, least);
    }
}
