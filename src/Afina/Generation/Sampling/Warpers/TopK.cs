namespace Afina.Generation.Sampling.Warpers;

/// <summary>Removes what is below the k-th largest logit; those equal to it stay.</summary>
internal sealed class TopK(int count) : LogitsStep
{
    public override void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        if (count >= logits.Length)
            return;
        var least = logits[SamplingWorkspace.Token(Largest(logits, count, workspace.Keys)[0])];
        foreach (ref var logit in logits)
        {
            if (logit < least)
                logit = Removed;
        }
    }

    /// <summary>The keys of the <paramref name="count"/> largest logits as a heap: the least of them is the first.</summary>
    internal static Span<ulong> Largest(ReadOnlySpan<float> logits, int count, ulong[] keys)
    {
        var heap = keys.AsSpan(0, count);
        for (var i = 0; i < count; i++)
            heap[i] = SamplingWorkspace.Key(logits[i], i);
        for (var i = count / 2 - 1; i >= 0; i--)
            Sink(heap, i);
        var least = logits[SamplingWorkspace.Token(heap[0])];
        for (var i = count; i < logits.Length; i++)
        {
            if (logits[i] < least)
                continue;
            var key = SamplingWorkspace.Key(logits[i], i);
            if (key <= heap[0])
                continue;
            heap[0] = key;
            Sink(heap, 0);
            least = logits[SamplingWorkspace.Token(heap[0])];
        }

        return heap;
    }

    private static void Sink(Span<ulong> heap, int at)
    {
        var key = heap[at];
        for (var child = 2 * at + 1; child < heap.Length; child = 2 * at + 1)
        {
            if (child + 1 < heap.Length && heap[child + 1] < heap[child])
                child++;
            if (heap[child] >= key)
                break;
            heap[at] = heap[child];
            at = child;
        }

        heap[at] = key;
    }
}
