namespace Afina.Generation.Sampling.Warpers;

/// <summary>Removes the least probable tokens that together have at most 1 − p; the most probable one stays.</summary>
internal sealed class TopP(double share) : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        var softmax = Softmax.Of(logits);
        // All tokens below (1 − p)/V together have less than 1 − p, so they go unsorted.
        var rest = (1 - share) * softmax.Sum;
        var hopeless = softmax.Max + Math.Log(rest / logits.Length);
        var count = 0;
        for (var i = 0; i < logits.Length; i++)
        {
            if (logits[i] >= hopeless)
                workspace.Keys[count++] = SamplingWorkspace.Key(logits[i], i);
        }

        var keys = workspace.Keys.AsSpan(0, count);
        keys.Sort();
        var remaining = softmax.Sum;
        var least = keys[^1];
        for (var i = count - 1; i >= 0 && (remaining > rest || i == count - 1); i--)
        {
            least = keys[i];
            remaining -= Math.Exp((double)logits[SamplingWorkspace.Token(least)] - softmax.Max);
        }

        SamplingWorkspace.RemoveBelow(logits, least);
    }
}
