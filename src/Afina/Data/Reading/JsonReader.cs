using System.Text.Json;

namespace Afina.Data.Reading;

/// <summary>Reads a JSON file: an array of objects, an object whose <c>data</c> is one, or JSONL under a wrong name.</summary>
internal static class JsonReader
{
    /// <summary>The largest JSON file: it is held in memory as a whole, JSONL is not.</summary>
    public const int Largest = 1 << 30;

    public static IEnumerable<ReadResult> Read(Stream stream, int longestRow)
    {
        var bytes = ReadAll(stream);
        if (IsJsonLines(bytes))
            return JsonLinesReader.Read(new MemoryStream(bytes, writable: false), longestRow);
        return Elements(bytes);
    }

    private static byte[] ReadAll(Stream stream)
    {
        using var memory = new MemoryStream();
        var buffer = new byte[1 << 16];
        for (int count; (count = stream.Read(buffer)) > 0;)
        {
            if (memory.Length + count > Largest)
                throw new InvalidDataException("larger than 1 GiB as one JSON value: write it as JSONL (one object a line), which is read as a stream");
            memory.Write(buffer, 0, count);
        }

        return memory.ToArray();
    }

    /// <summary>Whether a first object is followed by more: then each line is a row.</summary>
    private static bool IsJsonLines(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = JsonObjects.MaxDepth, AllowMultipleValues = true });
            return reader.Read() && reader.TokenType == JsonTokenType.StartObject && reader.TrySkip() && reader.Read();
        }
        catch (JsonException error)
        {
            // A first object that is whole, with something broken after it.
            return error.LineNumber > 0 && bytes.IndexOf((byte)'\n') is > 0 and var end && JsonObjects.Parse(bytes[..end], 1).Columns is { } first && first["data"] is null;
        }
    }

    private static List<ReadResult> Elements(ReadOnlySpan<byte> bytes)
    {
        var results = new List<ReadResult>();
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = JsonObjects.MaxDepth });
        var line = 1;
        var counted = 0;
        try
        {
            if (!ToFirstElement(ref reader))
            {
                results.Add(ReadResult.Bad(1, "the file must be an array of objects, or an object whose key 'data' is one (or JSONL: one object a line)"));
                return results;
            }

            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                var start = (int)reader.TokenStartIndex;
                line += bytes[counted..start].Count((byte)'\n');
                counted = start;
                var kind = reader.TokenType;
                reader.Skip();
                results.Add(kind == JsonTokenType.StartObject
                    ? JsonObjects.Parse(bytes[start..(int)reader.BytesConsumed], line)
                    : ReadResult.Bad(line, JsonObjects.NotAnObject(kind == JsonTokenType.StartArray ? JsonValueKind.Array : Kind(kind))));
            }

            while (reader.Read())
            {
            }
        }
        catch (JsonException error)
        {
            results.Add(ReadResult.Bad((int)(error.LineNumber ?? 0) + 1, $"the JSON breaks off here (column {(error.BytePositionInLine ?? 0) + 1}), and nothing after it can be read: repair it, or write the file as JSONL"));
        }

        return results;
    }

    private static bool ToFirstElement(ref Utf8JsonReader reader)
    {
        if (!reader.Read())
            return false;
        if (reader.TokenType == JsonTokenType.StartArray)
            return true;
        if (reader.TokenType != JsonTokenType.StartObject)
            return false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var data = reader.ValueTextEquals("data"u8);
            reader.Read();
            if (data)
                return reader.TokenType == JsonTokenType.StartArray;
            reader.Skip();
        }

        return false;
    }

    private static JsonValueKind Kind(JsonTokenType token) => token switch
    {
        JsonTokenType.String => JsonValueKind.String,
        JsonTokenType.Number => JsonValueKind.Number,
        JsonTokenType.Null => JsonValueKind.Null,
        JsonTokenType.True => JsonValueKind.True,
        _ => JsonValueKind.False,
    };
}
