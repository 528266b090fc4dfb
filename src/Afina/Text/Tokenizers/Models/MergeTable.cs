namespace Afina.Text.Tokenizers.Models;

/// <summary>Which pairs of tokens merge: pair → rank and the token that they become. Open addressing, since every lookup of every merge goes here.</summary>
internal sealed class MergeTable
{
    private readonly ulong[] _keys;
    private readonly (int Rank, int Id)[] _values;
    private readonly int _shift;

    public MergeTable(int count)
    {
        var bits = 4;
        while (1L << bits < count * 2L)
            bits++;
        _keys = new ulong[1 << bits];
        _values = new (int, int)[1 << bits];
        _shift = 64 - bits;
    }

    /// <summary>Sets a pair; a pair that was there gets the new rank unless <paramref name="keepFirst"/>.</summary>
    public void Set(int left, int right, int rank, int id, bool keepFirst)
    {
        var at = Find(left, right, out var key);
        if (_keys[at] == key && keepFirst)
            return;
        _keys[at] = key;
        _values[at] = (rank, id);
    }

    public bool TryGet(int left, int right, out int rank, out int id)
    {
        var at = Find(left, right, out var key);
        (rank, id) = _values[at];
        return _keys[at] == key;
    }

    // Key 0 is "empty", so the left id counts from 1.
    private int Find(int left, int right, out ulong key)
    {
        key = ((ulong)left + 1) << 32 | (uint)right;
        var at = (int)(key * 0x9E3779B97F4A7C15 >> _shift);
        while (_keys[at] != 0 && _keys[at] != key)
            at = at + 1 & _keys.Length - 1;
        return at;
    }
}
