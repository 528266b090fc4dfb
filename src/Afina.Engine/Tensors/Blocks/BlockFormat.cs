namespace Afina.Engine.Tensors.Blocks;

/// <summary>How the elements of a frozen weight are stored: plain floats, or blocks of codes with their own scale.</summary>
/// <remarks>One sealed class per format, in a file of its own; a format that packs its scale into each block (GGUF's) needs only the
/// bytes, one that keeps scales apart (bitsandbytes') also needs <see cref="BlockScales"/>.</remarks>
public abstract unsafe class BlockFormat
{
    /// <summary>The name used by its makers: F32, BF16, Q4_1, NF4 ...</summary>
    public abstract string Name { get; }

    /// <summary>Elements in one block (1 for plain floats; 2, a byte's worth, for bitsandbytes' 4-bit formats).</summary>
    public abstract int BlockElements { get; }

    /// <summary>Bytes of one block.</summary>
    public abstract int BlockBytes { get; }

    /// <summary>The number by which GGUF files name the format, or -1.</summary>
    public virtual int GgmlType => -1;

    /// <summary>Whether <see cref="Encode"/> works.</summary>
    public virtual bool CanEncode => false;

    /// <summary>Bytes that hold <paramref name="elements"/> elements, the last block filled up.</summary>
    /// <exception cref="OverflowException">More than a long can count.</exception>
    public long BytesFor(long elements) => checked((elements / BlockElements + (elements % BlockElements == 0 ? 0 : 1)) * BlockBytes);

    /// <summary>Widens <paramref name="count"/> elements, the first of which is element <paramref name="start"/> of the flattened
    /// tensor, to fp32. Any start and count: a range may begin and end inside a block.</summary>
    public abstract void Decode(byte* data, BlockScales? scales, long start, int count, float* destination);

    /// <summary>Stores whole blocks of values, as llama.cpp does without an importance matrix.</summary>
    /// <exception cref="NotSupportedException">The format keeps its scales apart; see <see cref="FourBitQuantizer"/>.</exception>
    public virtual void Encode(ReadOnlySpan<float> source, Span<byte> destination) =>
        throw new NotSupportedException($"{Name} cannot be written block by block");

    /// <inheritdoc/>
    public override string ToString() => Name;
}
