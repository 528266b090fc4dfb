using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Afina.Text.Tokenizers.Normalizers;

/// <summary>SentencePiece's compiled character map: u32 trie size, a double-array trie of u32 units, then NUL-terminated UTF-8 replacements.</summary>
internal sealed class PrecompiledCharsMap
{
    private readonly uint[] _units;
    private readonly byte[] _replacements;

    private PrecompiledCharsMap(uint[] units, byte[] replacements)
    {
        _units = units;
        _replacements = replacements;
    }

    public static PrecompiledCharsMap FromBase64(string text)
    {
        try
        {
            return FromBytes(Convert.FromBase64String(text));
        }
        catch (FormatException)
        {
            throw new InvalidDataException("Precompiled: \"precompiled_charsmap\" is not base64");
        }
    }

    public static PrecompiledCharsMap FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 0)
            return new PrecompiledCharsMap([], []);
        var size = bytes.Length < 4 ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (size == 0 || size % 4 != 0 || size > bytes.Length - 4)
            throw new InvalidDataException("the compiled character map is damaged: the size of its trie does not fit");
        var units = new uint[size / 4];
        for (var i = 0; i < units.Length; i++)
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(4 + 4 * i)..]);
        return new PrecompiledCharsMap(units, bytes[(4 + (int)size)..].ToArray());
    }

    /// <summary>What the text becomes (the replacement of its shortest known beginning, as the reference program has it), or null.</summary>
    public string? Replacement(ReadOnlySpan<byte> text)
    {
        if (_units.Length == 0)
            return null;
        var node = Offset(_units[0]);
        foreach (var value in text)
        {
            if (value == 0)
                return null;
            node ^= value;
            if (node >= (uint)_units.Length || (_units[node] & 0x800000FF) != value)
                return null;
            var unit = _units[node];
            node ^= Offset(unit);
            if ((unit & 0x100) != 0)
                return node < (uint)_units.Length ? Text((int)(_units[node] & 0x7FFFFFFF)) : null;
        }

        return null;
    }

    private string? Text(int at)
    {
        if (at >= _replacements.Length)
            return null;
        var rest = _replacements.AsSpan(at);
        var length = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(length < 0 ? rest : rest[..length]);
    }

    private static uint Offset(uint unit) => unit >> 10 << (int)((unit & 0x200) >> 6);
}

/// <summary>Applies a compiled character map to whole grapheme clusters where they are short, otherwise to single code points.</summary>
internal sealed class PrecompiledNormalizer(PrecompiledCharsMap map) : Normalizer
{
    private const int ClusterLimit = 6;

    public override AlignedText Apply(AlignedText text)
    {
        var output = new List<(Rune Rune, int Change)>(text.Length);
        var modified = false;
        Span<byte> bytes = stackalloc byte[ClusterLimit];
        for (var rest = text.Span; rest.Length > 0;)
        {
            var cluster = rest[..StringInfo.GetNextTextElementLength(rest)];
            rest = rest[cluster.Length..];
            if (Encoding.UTF8.GetByteCount(cluster) < ClusterLimit && map.Replacement(bytes[..Encoding.UTF8.GetBytes(cluster, bytes)]) is { } whole)
            {
                modified = true;
                Replace(output, CountRunes(cluster), whole);
                continue;
            }

            foreach (var rune in cluster.EnumerateRunes())
            {
                if (map.Replacement(bytes[..rune.EncodeToUtf8(bytes)]) is { } part)
                {
                    modified = true;
                    Replace(output, 1, part);
                }
                else
                {
                    output.Add((rune, 0));
                }
            }
        }

        return modified ? text.Replace(output) : text;
    }

    private static int CountRunes(ReadOnlySpan<char> text)
    {
        var count = 0;
        foreach (var _ in text.EnumerateRunes())
            count++;
        return count;
    }

    private static void Replace(List<(Rune Rune, int Change)> output, int old, string replacement)
    {
        var fresh = 0;
        foreach (var rune in replacement.EnumerateRunes())
        {
            output.Add((rune, fresh < old ? 0 : 1));
            fresh++;
        }

        if (fresh < old && output.Count > 0)
            output[^1] = (output[^1].Rune, output[^1].Change + fresh - old);
    }
}
