namespace Afina.Engine.Tensors.Blocks;

/// <summary>A format whose blocks carry their own scales, or have none: GGUF's block formats and plain floats.</summary>
public abstract unsafe class PackedFormat : BlockFormat
{
    private const int LargestBlock = 256;

    /// <inheritdoc/>
    public sealed override bool CanEncode => true;

    /// <inheritdoc/>
    public sealed override void Decode(byte* data, BlockScales? scales, long start, int count, float* destination)
    {
        var (first, skip) = Math.DivRem(start, BlockElements);
        var block = data + first * BlockBytes;
        var scratch = stackalloc float[LargestBlock];
        if (skip != 0 && count > 0)
        {
            var head = (int)Math.Min(count, BlockElements - skip);
            DecodeBlocks(block, 1, scratch);
            new ReadOnlySpan<float>(scratch + skip, head).CopyTo(new Span<float>(destination, head));
            block += BlockBytes;
            destination += head;
            count -= head;
        }

        var (whole, tail) = Math.DivRem(count, BlockElements);
        DecodeBlocks(block, whole, destination);
        if (tail == 0)
            return;
        DecodeBlocks(block + (long)whole * BlockBytes, 1, scratch);
        new ReadOnlySpan<float>(scratch, tail).CopyTo(new Span<float>(destination + (long)whole * BlockElements, tail));
    }

    /// <inheritdoc/>
    public sealed override void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        var (blocks, rest) = Math.DivRem(source.Length, BlockElements);
        if (rest != 0)
            throw new ArgumentException($"{Name} stores whole blocks of {BlockElements} elements, not {source.Length} elements", nameof(source));
        if ((long)blocks * BlockBytes != destination.Length)
            throw new ArgumentException($"{blocks} blocks of {Name} take {(long)blocks * BlockBytes} bytes, not {destination.Length}", nameof(destination));
        fixed (float* from = source)
        fixed (byte* to = destination)
            EncodeBlocks(from, blocks, to);
    }

    /// <summary>Widens whole blocks.</summary>
    protected abstract void DecodeBlocks(byte* blocks, int count, float* destination);

    /// <summary>Stores whole blocks.</summary>
    protected abstract void EncodeBlocks(float* source, int count, byte* destination);
}
