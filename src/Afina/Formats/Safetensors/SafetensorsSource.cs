using System.Runtime.InteropServices;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Formats.Safetensors;

/// <summary>A tensor to be written: its description, and how its bytes come.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Shape">Its dimensions, slowest first.</param>
/// <param name="Write">Writes exactly the bytes that type and shape ask for.</param>
public sealed record SafetensorsSource(string Name, SafetensorsType Type, long[] Shape, Action<Stream> Write)
{
    /// <summary>The size that type and shape ask for.</summary>
    public long Bytes
    {
        get
        {
            var bits = (long)Type.Bits();
            foreach (var size in Shape)
                bits = checked(bits * size);
            return bits / 8;
        }
    }

    /// <summary>Floats that are held in memory.</summary>
    public static SafetensorsSource From(string name, long[] shape, ReadOnlyMemory<float> values, DType type = DType.F32)
    {
        var source = new SafetensorsSource(name, type.ToSafetensors(), shape, stream => ElementStream.Write(
            stream, Floats(type), 1, values.Length, (start, to) => values.Span.Slice((int)start, to.Length).CopyTo(to)));
        return source.Bytes == (long)type.Bytes() * values.Length
            ? source
            : throw new ArgumentException($"'{name}': shape [{string.Join(", ", shape)}] does not hold {values.Length} values", nameof(shape));
    }

    /// <summary>A matrix whose rows are computed while they are written.</summary>
    public static SafetensorsSource From(string name, int rows, int columns, FillElements fill, DType type) =>
        new(name, type.ToSafetensors(), [rows, columns], stream => ElementStream.Write(stream, Floats(type), rows, columns, fill));

    /// <summary>A weight, widened and rounded to <paramref name="type"/>, or copied where it has that type already.</summary>
    /// <param name="weight">The weight.</param>
    /// <param name="type">F32, BF16 or F16.</param>
    /// <param name="shape">The shape to declare; a matrix of one row is taken for a vector where none is given.</param>
    public static SafetensorsSource From(Weight weight, DType type, long[]? shape = null)
    {
        ArgumentNullException.ThrowIfNull(weight);
        shape ??= weight.Rows == 1 ? [weight.Columns] : [weight.Rows, weight.Columns];
        return weight.Format == Floats(type)
            ? new(weight.Name, type.ToSafetensors(), shape, stream => ElementStream.Copy(stream, weight))
            : new(weight.Name, type.ToSafetensors(), shape, stream => ElementStream.Write(stream, Floats(type), weight.Rows, weight.Columns, weight.Decode));
    }

    /// <summary>Elements of any type that are held in memory, as they are.</summary>
    public static SafetensorsSource Raw<T>(string name, long[] shape, T[] values, DType type)
        where T : unmanaged => new(name, type.ToSafetensors(), shape, stream => stream.Write(MemoryMarshal.AsBytes<T>(values)));

    private static BlockFormat Floats(DType type) =>
        BlockFormats.FromDType(type) ?? throw new ArgumentOutOfRangeException(nameof(type), type, "floats are stored as F32, BF16 or F16");
}
