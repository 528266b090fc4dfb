using Afina.Engine.Tensors.Blocks;

namespace Afina.Formats;

/// <summary>Fills <paramref name="destination"/> with a matrix's elements from flattened element <paramref name="start"/> on; both ends
/// are ends of rows. <see cref="Weight.Decode"/> is one.</summary>
public delegate void FillElements(long start, Span<float> destination);

/// <summary>Writes matrices to a stream without holding more than a few rows.</summary>
internal static class ElementStream
{
    // Arrays of 64 KiB: larger ones would go to the heap of large objects, which is seldom collected.
    private const int ChunkElements = 1 << 14;

    /// <summary>Writes [rows, columns] elements in a format; rows must be whole blocks.</summary>
    public static void Write(Stream stream, BlockFormat format, long rows, int columns, FillElements fill)
    {
        if (rows == 0 || columns == 0)
            return;
        var atOnce = (int)Math.Min(rows, Math.Max(1, ChunkElements / columns));
        var values = new float[atOnce * columns];
        var bytes = new byte[format.BytesFor(values.Length)];
        for (var row = 0L; row < rows; row += atOnce)
        {
            var count = (int)Math.Min(atOnce, rows - row) * columns;
            var part = values.AsSpan(0, count);
            fill(row * columns, part);
            var encoded = bytes.AsSpan(0, (int)format.BytesFor(count));
            format.Encode(part, encoded);
            stream.Write(encoded);
        }
    }

    /// <summary>Copies a weight's bytes as they are.</summary>
    public static unsafe void Copy(Stream stream, Weight weight)
    {
        const int piece = 1 << 20;
        for (var at = 0L; at < weight.Bytes; at += piece)
            stream.Write(new ReadOnlySpan<byte>(weight.Data + at, (int)Math.Min(piece, weight.Bytes - at)));
        GC.KeepAlive(weight);
    }
}
