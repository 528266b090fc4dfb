namespace Afina.Text.Tokenizers.Patterns;

/// <summary>A set of code points: a predicate whose answers are remembered as bits for everything below U+10000.</summary>
internal sealed class CharSet
{
    private const int Plane = 0x10000;
    private readonly Func<int, bool> _contains;
    private readonly ulong _low;
    private readonly ulong _high;
    private ulong[]? _bits;

    public CharSet(Func<int, bool> contains)
    {
        _contains = contains;
        for (var c = 0; c < 64; c++)
        {
            _low |= contains(c) ? 1UL << c : 0;
            _high |= contains(c + 64) ? 1UL << c : 0;
        }
    }

    public bool Contains(int c)
    {
        if (c < 64)
            return (_low >> c & 1) != 0;
        if (c < 128)
            return (_high >> (c - 64) & 1) != 0;
        if (c >= Plane)
            return _contains(c);
        var bits = _bits ?? Remember();
        return (bits[c >> 6] >> (c & 63) & 1) != 0;
    }

    private ulong[] Remember()
    {
        var bits = new ulong[Plane / 64];
        for (var c = 0; c < Plane; c++)
        {
            if (_contains(c))
                bits[c >> 6] |= 1UL << (c & 63);
        }

        _bits = bits;
        return bits;
    }
}
