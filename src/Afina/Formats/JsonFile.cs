using System.Text.Json;

namespace Afina.Formats;

/// <summary>Reads JSON files of strangers: bounded in size and depth, without duplicate keys.</summary>
public static class JsonFile
{
    private const long LargestDefault = 64L << 20;
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64, AllowDuplicateProperties = false };

    /// <summary>Reads a JSON object.</summary>
    /// <param name="path">The file.</param>
    /// <param name="largest">The size above which it is refused; 0: 64 MiB.</param>
    /// <exception cref="InvalidDataException">It is no valid JSON object, or too large; one line says where.</exception>
    public static JsonElement ReadObject(string path, long largest = 0)
    {
        var name = Path.GetFileName(path);
        largest = largest > 0 ? largest : LargestDefault;
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        if (stream.Length > largest)
            throw Refusal.For($"{name}: {stream.Length} bytes are more than the {largest} that such a file may have");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return ParseObject(bytes, name);
    }

    /// <summary>Parses a JSON object.</summary>
    /// <exception cref="InvalidDataException">It is none; one line says where.</exception>
    public static JsonElement ParseObject(ReadOnlyMemory<byte> json, string name)
    {
        if (json.Span.StartsWith("\uFEFF"u8))
            json = json[3..];
        try
        {
            using var document = JsonDocument.Parse(json, Options);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw Refusal.For($"{name}: a JSON object is expected, not {document.RootElement.ValueKind}");
        }
        catch (JsonException error)
        {
            throw Refusal.For($"{name}: no valid JSON at line {error.LineNumber + 1}, byte {error.BytePositionInLine}: {FirstSentence(error.Message)}", error);
        }
        catch (InvalidOperationException error)
        {
            throw Refusal.For($"{name}: a text in it is no valid UTF-8", error);
        }
    }

    private static string FirstSentence(string message)
    {
        var end = message.IndexOf(". ", StringComparison.Ordinal);
        return end > 0 ? message[..end] : message;
    }
}
