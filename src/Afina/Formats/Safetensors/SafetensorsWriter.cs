using System.Buffers.Binary;
using System.Text.Json;

namespace Afina.Formats.Safetensors;

/// <summary>Writes safetensors files as the format's own library does: larger elements first, then by name, the header filled up to a
/// multiple of eight bytes, and the file there whole or not at all.</summary>
public static class SafetensorsWriter
{
    private static readonly Dictionary<string, string> Torch = new() { ["format"] = "pt" };

    /// <summary>Writes a file; without other metadata it says <c>"format": "pt"</c>, which transformers asks for.</summary>
    /// <exception cref="InvalidDataException">Two tensors have the same name, or the header would be larger than readers accept.</exception>
    public static void Write(string path, IEnumerable<SafetensorsSource> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = tensors.OrderByDescending(tensor => tensor.Type).ThenBy(tensor => tensor.Name, StringComparer.Ordinal).ToList();
        var header = Header(Path.GetFileName(path), ordered, metadata ?? Torch);
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
            stream.Write(length);
            stream.Write(header);
            var expected = stream.Position;
            foreach (var tensor in ordered)
            {
                tensor.Write(stream);
                expected += tensor.Bytes;
                if (stream.Position != expected)
                    throw new InvalidOperationException($"'{tensor.Name}' wrote {stream.Position - expected + tensor.Bytes} bytes instead of {tensor.Bytes}");
            }
        });
    }

    private static byte[] Header(string file, List<SafetensorsSource> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata)
                    json.WriteString(key, value);
                json.WriteEndObject();
            }

            var offset = 0L;
            var names = new HashSet<string>(StringComparer.Ordinal) { "__metadata__" };
            foreach (var tensor in tensors)
            {
                if (!names.Add(tensor.Name))
                    throw Refusal.For($"{file}: tensor '{tensor.Name}' would be there twice");
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.ToString());
                json.WriteStartArray("shape");
                foreach (var size in tensor.Shape)
                    json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.Bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (buffer.Length % 8 != 0)
            buffer.WriteByte((byte)' ');
        if (buffer.Length > SafetensorsHeader.Limit)
            throw Refusal.For($"{file}: the header would have {buffer.Length} bytes, more than the allowed {SafetensorsHeader.Limit}");
        return buffer.ToArray();
    }
}
