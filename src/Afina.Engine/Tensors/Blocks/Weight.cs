namespace Afina.Engine.Tensors.Blocks;

/// <summary>A frozen weight as it lies in memory or in a mapped file: a matrix [rows, columns] of some <see cref="BlockFormat"/>.</summary>
/// <remarks>A vector is a matrix of one row. A linear layer's weight is [outputs, inputs], as in every checkpoint.</remarks>
public sealed unsafe class Weight
{
    /// <summary>Describes bytes that <paramref name="owner"/> (a mapped file, a <see cref="NativeBuffer"/>) keeps alive.</summary>
    /// <exception cref="ArgumentException">There are fewer bytes, or scales, than the elements need.</exception>
    public Weight(string name, BlockFormat format, int rows, int columns, byte* data, long bytes, object owner, BlockScales? scales = null)
    {
        ArgumentNullException.ThrowIfNull(format);
        var count = (long)rows * columns;
        if (bytes < format.BytesFor(count))
            throw new ArgumentException($"'{name}': [{rows}, {columns}] in {format} takes {format.BytesFor(count)} bytes, not {bytes}", nameof(bytes));
        if (scales is not null && (long)scales.Blocks * scales.BlockSize < count)
            throw new ArgumentException($"'{name}': {scales.Blocks} scales of {scales.BlockSize} elements are too few for [{rows}, {columns}]", nameof(scales));
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

    /// <summary>A weight whose bytes lie in a buffer that it keeps, from byte <paramref name="start"/> on.</summary>
    public static Weight Of(string name, BlockFormat format, int rows, int columns, NativeBuffer buffer, long start = 0)
    {
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(buffer);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        var bytes = Math.Min(format.BytesFor((long)rows * columns), buffer.Length - start);
        return new Weight(name, format, rows, columns, buffer.Pointer + start, bytes, buffer);
    }

    /// <summary>The same bytes under another name.</summary>
    public Weight Renamed(string name) => new(name, Format, Rows, Columns, Data, Bytes, Owner, Scales);

    /// <summary>The same in memory of its own.</summary>
    public Weight Copied()
    {
        var buffer = new NativeBuffer(Bytes);
        Buffer.MemoryCopy(Data, buffer.Pointer, Bytes, Bytes);
        GC.KeepAlive(Owner);
        return new Weight(Name, Format, Rows, Columns, buffer.Pointer, Bytes, buffer, Scales);
    }

    /// <summary>A copy in which row i is row <paramref name="order"/>[i] of this one; a vector's elements take the part of rows.</summary>
    /// <exception cref="InvalidOperationException">The stored blocks run across rows, so rows cannot be moved.</exception>
    public Weight Reordered(string name, ReadOnlySpan<int> order)
    {
        var count = Rows == 1 ? Columns : Rows;
        ArgumentOutOfRangeException.ThrowIfNotEqual(order.Length, count);
        var rowBytes = count == 0 ? 0 : Bytes / count;
        if (Scales is not null || (Rows == 1 ? 1 : Columns) % Format.BlockElements != 0)
            throw new InvalidOperationException($"'{Name}' is {Format}, whose blocks run across rows; its rows cannot be moved");
        var buffer = new NativeBuffer(Bytes);
        for (var row = 0; row < count; row++)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)order[row], (uint)count, nameof(order));
            Buffer.MemoryCopy(Data + order[row] * rowBytes, buffer.Pointer + row * rowBytes, rowBytes, rowBytes);
        }

        GC.KeepAlive(Owner);
        return Of(name, Format, Rows, Columns, buffer);
    }

    /// <summary>Says that the bytes will hardly be read again: a mapped file's pages leave memory (and come back if they are read).</summary>
    public void DropPages() => (Owner as IDroppablePages)?.DropPages(Data, Bytes);
}
