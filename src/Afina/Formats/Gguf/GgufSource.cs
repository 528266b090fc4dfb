using Afina.Engine.Tensors.Blocks;

namespace Afina.Formats.Gguf;

/// <summary>A tensor to be written: its description, and how its bytes come.</summary>
/// <param name="Name">Its name, at most 63 bytes.</param>
/// <param name="Format">Its format; one that GGUF has a number for.</param>
/// <param name="Dimensions">Its dimensions, fastest first.</param>
/// <param name="Write">Writes exactly the bytes that format and dimensions ask for.</param>
public sealed record GgufSource(string Name, BlockFormat Format, long[] Dimensions, Action<Stream> Write)
{
    /// <summary>The size that format and dimensions ask for.</summary>
    public long Bytes
    {
        get
        {
            var count = 1L;
            foreach (var size in Dimensions)
                count = checked(count * size);
            return Format.BytesFor(count);
        }
    }

    /// <summary>A matrix whose rows are computed while they are written; <paramref name="vector"/> declares one dimension for its only row.</summary>
    public static GgufSource From(string name, BlockFormat format, int rows, int columns, FillElements fill, bool vector = false)
    {
        ArgumentNullException.ThrowIfNull(format);
        if (columns % format.BlockElements != 0)
            throw new ArgumentException($"'{name}': rows of {columns} elements are no whole blocks of {format} ({format.BlockElements})", nameof(columns));
        return new GgufSource(name, format, vector ? [columns] : [columns, rows], stream => ElementStream.Write(stream, format, rows, columns, fill));
    }

    /// <summary>A weight in another format, or copied where it has that format already.</summary>
    public static GgufSource From(string name, Weight weight, BlockFormat format)
    {
        ArgumentNullException.ThrowIfNull(weight);
        var source = From(name, format, weight.Rows, weight.Columns, weight.Decode, vector: weight.Rows == 1);
        return weight.Format == format ? source with { Write = stream => ElementStream.Copy(stream, weight) } : source;
    }
}
