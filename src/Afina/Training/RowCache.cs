using System.Runtime.InteropServices;
using Afina.Engine.Tensors;

namespace Afina.Training;

/// <summary>Rows of segments that were computed once, found again by the tokens that lead to them: those of the segment, and the segments
/// before it. A prefix that examples share is kept once.</summary>
/// <param name="capacity">Bytes of rows at most; what comes later is not kept.</param>
internal sealed class RowCache(long capacity)
{
    /// <summary>What comes before a segment without a parent.</summary>
    public const int Nothing = -1;

    /// <summary>The answer where nothing is kept.</summary>
    public const int Missing = -2;

    private readonly Dictionary<Key, int> _entries = new(new KeyComparer());
    private readonly List<NativeBuffer> _rows = [];

    /// <summary>Bytes that are kept.</summary>
    public long Bytes { get; private set; }

    /// <summary>The entry of a segment, or <see cref="Missing"/>.</summary>
    /// <param name="before">The entry of its parent.</param>
    public int Find(int before, ReadOnlyMemory<int> tokens) =>
        before != Missing && _entries.TryGetValue(new Key(before, tokens), out var entry) ? entry : Missing;

    /// <summary>The rows of an entry.</summary>
    public ReadOnlySpan<byte> this[int entry] => _rows[entry].Bytes(0, (int)_rows[entry].Length);

    /// <summary>Keeps the rows of a segment, if there is room.</summary>
    /// <returns>Its entry, or <see cref="Missing"/>.</returns>
    public int Add(int before, ReadOnlyMemory<int> tokens, ReadOnlySpan<byte> rows)
    {
        if (Find(before, tokens) is not Missing and var known)
            return known;
        if (before == Missing || Bytes + rows.Length > capacity)
            return Missing;
        var buffer = new NativeBuffer(rows.Length);
        rows.CopyTo(buffer.Bytes(0, rows.Length));
        Bytes += rows.Length;
        _rows.Add(buffer);
        _entries.Add(new Key(before, tokens.ToArray()), _rows.Count - 1);
        return _rows.Count - 1;
    }

    private readonly record struct Key(int Before, ReadOnlyMemory<int> Tokens);

    private sealed class KeyComparer : IEqualityComparer<Key>
    {
        public bool Equals(Key x, Key y) => x.Before == y.Before && x.Tokens.Span.SequenceEqual(y.Tokens.Span);

        public int GetHashCode(Key key)
        {
            var hash = new HashCode();
            hash.Add(key.Before);
            hash.AddBytes(MemoryMarshal.AsBytes(key.Tokens.Span));
            return hash.ToHashCode();
        }
    }
}
