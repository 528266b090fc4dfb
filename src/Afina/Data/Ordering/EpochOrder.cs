using Afina.Engine.Execution;

namespace Afina.Data.Ordering;

/// <summary>A place in the data: what a checkpoint keeps to go on exactly where it stopped.</summary>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="Position">Examples of it already taken.</param>
public readonly record struct DataPosition(int Epoch, int Position);

/// <summary>The order in which the examples of some sources are seen, epoch after epoch: a function of the seed, the epoch and their numbers.</summary>
public sealed class EpochOrder
{
    private readonly (int First, int Count, double Weight)[] _sources;
    private readonly ulong _seed;
    private readonly bool _shuffle;
    private (int Epoch, int[] Order)? _current;

    /// <param name="sources">How many examples each source has, and how often each is seen in an epoch.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="shuffle">Whether the order is random; otherwise sources and their examples keep their order.</param>
    public EpochOrder(IReadOnlyList<(int Count, double Weight)> sources, long seed, bool shuffle = true)
    {
        _sources = new (int, int, double)[sources.Count];
        for (int i = 0, first = 0; i < sources.Count; first += sources[i].Count, i++)
            _sources[i] = (first, sources[i].Count, sources[i].Weight);
        _seed = (ulong)seed;
        _shuffle = shuffle;
    }

    /// <summary>An order over one source whose examples are each seen once an epoch.</summary>
    public EpochOrder(int count, long seed, bool shuffle = true)
        : this([(count, 1)], seed, shuffle)
    {
    }

    /// <summary>Examples seen in an epoch.</summary>
    public int Length => _sources.Sum(source => Whole(source.Weight) * source.Count + Extra(source));

    /// <summary>The examples of an epoch in order; numbers go on from source to source.</summary>
    public IReadOnlyList<int> Of(int epoch)
    {
        if (_current is { } known && known.Epoch == epoch)
            return known.Order;
        var entries = new List<(ulong Key, int Index)>(Length);
        for (var s = 0; s < _sources.Length; s++)
        {
            var source = _sources[s];
            var copies = Whole(source.Weight);
            var chosen = Sample(source, epoch);
            for (var i = 0; i < source.Count; i++)
            {
                var times = copies + (chosen.Contains(i) ? 1 : 0);
                for (var copy = 0; copy < times; copy++)
                    entries.Add((_shuffle ? Key(epoch, source.First + i, 2 + copy) : 0, source.First + i));
            }
        }

        if (_shuffle)
            entries.Sort();
        int[] order = [.. entries.Select(entry => entry.Index)];
        _current = (epoch, order);
        return order;
    }

    /// <summary>Takes up to <paramref name="count"/> examples from a position on, never over the end of an epoch, and moves it.</summary>
    public IReadOnlyList<int> Take(ref DataPosition position, int count)
    {
        var order = Of(position.Epoch);
        var to = Math.Min(order.Count, position.Position + count);
        int[] taken = [.. order.Skip(position.Position).Take(to - position.Position)];
        position = to == order.Count ? new DataPosition(position.Epoch + 1, 0) : position with { Position = to };
        return taken;
    }

    private static int Whole(double weight) => (int)weight;

    private static int Extra((int First, int Count, double Weight) source) =>
        (int)Math.Round((source.Weight - Whole(source.Weight)) * source.Count, MidpointRounding.AwayFromZero);

    /// <summary>The part of a source that a fractional weight adds. Without shuffling it is its beginning.</summary>
    private HashSet<int> Sample((int First, int Count, double Weight) source, int epoch)
    {
        var extra = Extra(source);
        if (extra == 0)
            return [];
        var all = Enumerable.Range(0, source.Count);
        return [.. (_shuffle ? all.OrderBy(i => Key(epoch, source.First + i, 1)) : all).Take(extra)];
    }

    private ulong Key(int epoch, int index, int use) =>
        CounterRandom.Mix(CounterRandom.Mix(CounterRandom.Mix(_seed + 0x9E3779B97F4A7C15) ^ (((ulong)(uint)epoch << 32) | (uint)index)) + (ulong)use);
}
