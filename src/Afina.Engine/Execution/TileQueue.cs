namespace Afina.Engine.Execution;

/// <summary>Hands out the tiles of a phase. Each worker has a stretch of its own, and when that is done takes from the others': tiles go by rows, so
/// that a worker mostly finds in its own caches what it wrote in the phase before.</summary>
internal sealed class TileQueue(int workers)
{
    // A cache line apart, and the next one too, which processors fetch with it.
    private const int Apart = 32;

    private readonly int[] _taken = new int[workers * Apart];

    /// <summary>Begins anew; nobody may be taking.</summary>
    public void Reset()
    {
        for (var i = 0; i < workers; i++)
            _taken[i * Apart] = 0;
    }

    /// <summary>A tile below <paramref name="tiles"/> that nobody has taken, or −1.</summary>
    public int Take(int worker, int tiles)
    {
        for (var i = 0; i < workers; i++)
        {
            var owner = worker + i < workers ? worker + i : worker + i - workers;
            var (first, end) = ((int)((long)tiles * owner / workers), (int)((long)tiles * (owner + 1) / workers));
            ref var taken = ref _taken[owner * Apart];
            if (first + Volatile.Read(ref taken) >= end)
                continue;
            var tile = first + Interlocked.Increment(ref taken) - 1;
            if (tile < end)
                return tile;
        }

        return -1;
    }
}
