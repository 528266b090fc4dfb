using System.Text;

namespace Afina.Formats.Gguf;

/// <summary>Writes GGUF files, version 3, whole or not at all.</summary>
public static class GgufWriter
{
    private const uint Version = 3;

    /// <summary>Writes a file.</summary>
    /// <param name="path">The file to appear.</param>
    /// <param name="metadata">Keys and values in order; values as <see cref="GgufFile.Metadata"/> gives them.</param>
    /// <param name="tensors">The tensors in order.</param>
    /// <exception cref="InvalidDataException">A name is too long or there twice, or a value has a type that the format lacks.</exception>
    public static void Write(string path, IReadOnlyCollection<KeyValuePair<string, object>> metadata, IReadOnlyCollection<GgufSource> tensors)
    {
        var file = Path.GetFileName(path);
        var alignment = metadata.FirstOrDefault(entry => entry.Key == "general.alignment").Value is uint given ? given : 32u;
        AtomicFile.Write(path, stream =>
        {
            var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
            writer.Write("GGUF"u8);
            writer.Write(Version);
            writer.Write((long)tensors.Count);
            writer.Write((long)metadata.Count);
            foreach (var (key, value) in metadata)
            {
                Text(writer, key);
                writer.Write((int)TypeOf(value, file, key));
                Value(writer, value, file, key);
            }

            var offset = 0L;
            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (var tensor in tensors)
            {
                if (Encoding.UTF8.GetByteCount(tensor.Name) > 63 || !names.Add(tensor.Name))
                    throw Refusal.For($"{file}: tensor '{tensor.Name}' would be there twice, or its name has more than 63 bytes");
                if (tensor.Format.GgmlType < 0)
                    throw Refusal.For($"{file}: tensor '{tensor.Name}' is {tensor.Format}, which GGUF cannot hold");
                Text(writer, tensor.Name);
                writer.Write(tensor.Dimensions.Length);
                foreach (var size in tensor.Dimensions)
                    writer.Write(size);
                writer.Write(tensor.Format.GgmlType);
                writer.Write(offset);
                offset = Padded(offset + tensor.Bytes, alignment);
            }

            writer.Flush();
            Fill(stream, alignment);
            foreach (var tensor in tensors)
            {
                var expected = stream.Position + tensor.Bytes;
                tensor.Write(stream);
                if (stream.Position != expected)
                    throw new InvalidOperationException($"'{tensor.Name}' wrote {stream.Position - expected + tensor.Bytes} bytes instead of {tensor.Bytes}");
                Fill(stream, alignment);
            }
        });
    }

    private static GgufValueType TypeOf(object value, string file, string key) =>
        value is Array { Rank: 1 } ? GgufValueType.Array : TypeOf(value.GetType(), file, key);

    private static GgufValueType TypeOf(Type type, string file, string key) => Type.GetTypeCode(type) switch
    {
        TypeCode.Byte => GgufValueType.UInt8,
        TypeCode.SByte => GgufValueType.Int8,
        TypeCode.UInt16 => GgufValueType.UInt16,
        TypeCode.Int16 => GgufValueType.Int16,
        TypeCode.UInt32 => GgufValueType.UInt32,
        TypeCode.Int32 => GgufValueType.Int32,
        TypeCode.Single => GgufValueType.Float32,
        TypeCode.Boolean => GgufValueType.Bool,
        TypeCode.String => GgufValueType.String,
        TypeCode.UInt64 => GgufValueType.UInt64,
        TypeCode.Int64 => GgufValueType.Int64,
        TypeCode.Double => GgufValueType.Float64,
        _ => throw Refusal.For($"{file}: metadata '{key}' is a {type.Name}, which GGUF cannot hold"),
    };

    private static void Value(BinaryWriter writer, object value, string file, string key)
    {
        switch (value)
        {
            case byte number: writer.Write(number); break;
            case sbyte number: writer.Write(number); break;
            case ushort number: writer.Write(number); break;
            case short number: writer.Write(number); break;
            case uint number: writer.Write(number); break;
            case int number: writer.Write(number); break;
            case float number: writer.Write(number); break;
            case bool truth: writer.Write(truth); break;
            case string text: Text(writer, text); break;
            case ulong number: writer.Write(number); break;
            case long number: writer.Write(number); break;
            case double number: writer.Write(number); break;
            default: Values(writer, (Array)value, file, key); break;
        }
    }

    private static void Values(BinaryWriter writer, Array values, string file, string key)
    {
        writer.Write((int)TypeOf(values.GetType().GetElementType()!, file, key));
        writer.Write(values.LongLength);
        foreach (var value in values)
            Value(writer, value, file, key);
    }

    private static void Text(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((long)bytes.Length);
        writer.Write(bytes);
    }

    private static void Fill(Stream stream, uint alignment)
    {
        var missing = (int)(Padded(stream.Position, alignment) - stream.Position);
        Span<byte> zeros = stackalloc byte[64];
        zeros.Clear();
        for (; missing > 0; missing -= zeros.Length)
            stream.Write(zeros[..Math.Min(missing, zeros.Length)]);
    }

    private static long Padded(long position, uint alignment) => (position + alignment - 1) / alignment * alignment;
}
