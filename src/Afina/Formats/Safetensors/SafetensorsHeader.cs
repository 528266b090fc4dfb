using System.Text.Json;

namespace Afina.Formats.Safetensors;

/// <summary>Reads the JSON header of a safetensors file, strictly: no duplicate keys, no holes, no overlaps, no bytes left over.</summary>
internal static class SafetensorsHeader
{
    /// <summary>The largest header that the format allows.</summary>
    public const int Limit = 100_000_000;

    private const int MostTensors = 1_000_000;
    private const int MostDimensions = 16;

    /// <summary>Parses <paramref name="json"/>, the header of <paramref name="file"/>, whose tensors begin at <paramref name="dataStart"/>
    /// and must fill the file up to <paramref name="length"/>.</summary>
    public static (Dictionary<string, SafetensorsTensor> Tensors, Dictionary<string, string> Metadata) Parse(
        ReadOnlySpan<byte> json, string file, long dataStart, long length)
    {
        var tensors = new Dictionary<string, SafetensorsTensor>(StringComparer.Ordinal);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        var metadataSeen = false;
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 64 });
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
                throw Refuse(file, "the header is no JSON object");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                reader.Read();
                if (name == "__metadata__")
                {
                    if (metadataSeen)
                        throw Refuse(file, "the header has '__metadata__' twice");
                    metadataSeen = true;
                    ReadMetadata(ref reader, file, metadata);
                }
                else if (tensors.Count == MostTensors)
                {
                    throw Refuse(file, $"the header lists more than {MostTensors} tensors");
                }
                else if (!tensors.TryAdd(name, ReadTensor(ref reader, file, name, dataStart)))
                {
                    throw Refuse(file, $"the header lists tensor '{name}' twice");
                }
            }

            if (reader.Read())
                throw Refuse(file, "the header goes on after its JSON object");
        }
        catch (JsonException error)
        {
            throw Refusal.For($"{file}: the header is no valid JSON (byte {error.BytePositionInLine}); the file is damaged or not safetensors", error);
        }
        catch (InvalidOperationException error)
        {
            throw Refusal.For($"{file}: the header has text that is no valid UTF-8; the file is damaged or not safetensors", error);
        }

        CheckLayout(tensors, file, dataStart, length);
        return (tensors, metadata);
    }

    private static void ReadMetadata(ref Utf8JsonReader reader, string file, Dictionary<string, string> metadata)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Refuse(file, "'__metadata__' must be an object of strings");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw Refuse(file, $"'__metadata__' has a value that is no string: '{key}'");
            if (!metadata.TryAdd(key, reader.GetString()!))
                throw Refuse(file, $"'__metadata__' has '{key}' twice");
        }
    }

    private static SafetensorsTensor ReadTensor(ref Utf8JsonReader reader, string file, string name, long dataStart)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Refuse(file, $"tensor '{name}' must be an object with dtype, shape and data_offsets");
        SafetensorsType? type = null;
        long[]? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            switch (key)
            {
                case "dtype" when type is null:
                    var text = reader.TokenType == JsonTokenType.String ? reader.GetString()! : "";
                    if (!Enum.TryParse<SafetensorsType>(text, out var parsed) || parsed.ToString() != text)
                        throw Refuse(file, $"tensor '{name}' has an unknown dtype '{text}'");
                    type = parsed;
                    break;
                case "shape" when shape is null:
                    shape = ReadIntegers(ref reader, file, name, "shape", MostDimensions);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadIntegers(ref reader, file, name, "data_offsets", 2);
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw Refuse(file, $"tensor '{name}' has '{key}' twice");
                default:
                    reader.Skip();
                    break;
            }
        }

        if (type is null || shape is null || offsets is not [var begin, var end])
            throw Refuse(file, $"tensor '{name}' must have dtype, shape and two data_offsets");
        if (end < begin || end > long.MaxValue - dataStart)
            throw Refuse(file, $"tensor '{name}' has data_offsets [{begin}, {end}], which cannot be");
        UInt128 bits = (uint)type.Value.Bits();
        foreach (var size in shape)
        {
            bits *= (ulong)size;
            if (bits > long.MaxValue)
                throw Refuse(file, $"tensor '{name}' of shape [{string.Join(", ", shape)}] is larger than any file");
        }

        if (bits % 8 != 0 || bits / 8 != (ulong)(end - begin))
            throw Refuse(file, $"tensor '{name}' of {type} [{string.Join(", ", shape)}] takes {bits / 8} bytes, but data_offsets [{begin}, {end}] hold {end - begin}");
        return new SafetensorsTensor(name, type.Value, shape, dataStart + begin, end - begin);
    }

    private static long[] ReadIntegers(ref Utf8JsonReader reader, string file, string name, string key, int most)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Refuse(file, $"tensor '{name}': {key} must be a list of integers");
        var values = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (values.Count == most)
                throw Refuse(file, $"tensor '{name}': {key} has more than {most} entries");
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var value) || value < 0)
                throw Refuse(file, $"tensor '{name}': {key} must be integers that are not negative");
            values.Add(value);
        }

        return [.. values];
    }

    private static void CheckLayout(Dictionary<string, SafetensorsTensor> tensors, string file, long dataStart, long length)
    {
        var position = dataStart;
        foreach (var tensor in tensors.Values.OrderBy(tensor => tensor.Offset).ThenBy(tensor => tensor.Bytes))
        {
            if (tensor.Offset != position)
            {
                var what = tensor.Offset < position ? "overlaps the tensor before it" : "leaves a hole before it";
                throw Refuse(file, $"tensor '{tensor.Name}' {what} (byte {tensor.Offset - dataStart} of the data, expected {position - dataStart})");
            }

            position += tensor.Bytes;
            if (position > length)
                throw Refuse(file, $"tensor '{tensor.Name}' ends at byte {position}, but the file has {length}; it is cut short, fetch it again");
        }

        if (position != length)
            throw Refuse(file, $"{length - position} bytes follow the last tensor; the file is damaged or not safetensors");
    }

    private static InvalidDataException Refuse(string file, string what) => Refusal.For($"{file}: {what}");
}
