namespace Afina.Engine.Tensors.Blocks;

/// <summary>A frozen weight as it lies in memory or in a mapped file: a matrix [rows, columns] of some <see cref="BlockFormat"/>.</summary>
/// <remarks>A vector is a matrix of one row. A linear layer's weight is [outputs, inputs], as in every checkpoint.</remarks>
public sealed unsafe class Weight
{
    /// <summary>Describes bytes that <paramref name="owner"/> (a mapped file, a <see cref="NativeBuffer"/>) keeps alive.</summary>
    public Weight(string name, BlockFormat format, int rows, int columns, byte* data, long bytes, object owner, BlockScales? scales = null)
    {
        Name = name;
        Format = format;
        Rows = rows;
        Columns = columns;
        Data = data;
        Bytes = bytes;
        Owner = owner;
        Scales = scales;
    }

    /// <summary>The weight's name in the model, as Hugging Face writes it.</summary>
    public string Name { get; }

    /// <summary>How the elements are stored.</summary>
    public BlockFormat Format { get; }

    /// <summary>Rows: outputs of a linear layer, entries of a vocabulary.</summary>
    public int Rows { get; }

    /// <summary>Columns: inputs of a linear layer, width of an embedding.</summary>
    public int Columns { get; }

    /// <summary>The first byte.</summary>
    public byte* Data { get; }

    /// <summary>Bytes at <see cref="Data"/>.</summary>
    public long Bytes { get; }

    /// <summary>Scales kept apart from the codes, for bitsandbytes' formats.</summary>
    public BlockScales? Scales { get; }

    /// <summary>What keeps the bytes alive.</summary>
    public object Owner { get; }

    /// <summary>Elements in all.</summary>
    public long Count => (long)Rows * Columns;

    /// <summary>Widens <paramref name="destination"/>.Length elements from flattened element <paramref name="start"/> on to fp32.</summary>
    public void Decode(long start, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + destination.Length, Count);
        fixed (float* to = destination)
            Format.Decode(Data, Scales, start, destination.Length, to);
        GC.KeepAlive(Owner);
    }

    /// <summary>Says that the bytes will hardly be read again: a mapped file's pages leave memory (and come back if they are read).</summary>
    public void DropPages() => (Owner as IDroppablePages)?.DropPages(Data, Bytes);
}
