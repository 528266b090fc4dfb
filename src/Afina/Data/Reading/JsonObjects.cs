using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;

namespace Afina.Data.Reading;

/// <summary>Parses the JSON object of one row, and says in words for people what is wrong with it otherwise.</summary>
internal static class JsonObjects
{
    /// <summary>Nesting that a row may have.</summary>
    public const int MaxDepth = 256;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false };

    /// <summary>The object in <paramref name="json"/>, or the reason why there is none.</summary>
    public static ReadResult Parse(ReadOnlySpan<byte> json, int line)
    {
        if (!Utf8.IsValid(json))
            return ReadResult.Bad(line, NotUtf8(json));
        JsonNode? node;
        try
        {
            using var document = JsonDocument.Parse(json.ToArray(), Strict);
            if (json.IndexOf("\\u"u8) >= 0)
                Decode(document.RootElement);
            node = document.RootElement.ValueKind == JsonValueKind.Object ? JsonObject.Create(document.RootElement.Clone()) : null;
            if (node is null)
                return ReadResult.Bad(line, NotAnObject(document.RootElement.ValueKind));
        }
        catch (InvalidOperationException)
        {
            return ReadResult.Bad(line, "a \\u escape stands for half a character (a lone surrogate): write the whole character");
        }
        catch (JsonException error)
        {
            return ReadResult.Bad(line, Explain(json, error));
        }

        return ReadResult.Good(node.AsObject(), line);
    }

    /// <summary>What to say of a value that is not an object.</summary>
    public static string NotAnObject(JsonValueKind kind) => kind == JsonValueKind.Array
        ? "a row must be an object {...}, this one is an array: write one object a line, or name the file .json if the whole of it is one array"
        : $"a row must be an object {{...}}, this one is a {kind.ToString().ToLowerInvariant()}: delete or replace it";

    /// <summary>Decodes every text once: one with half a character throws here, not later in the middle of a run.</summary>
    private static void Decode(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                {
                    _ = member.Name;
                    Decode(member.Value);
                }

                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                    Decode(item);
                break;
            case JsonValueKind.String:
                _ = element.GetString();
                break;
        }
    }

    private static string NotUtf8(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        while (at < bytes.Length && Rune.DecodeFromUtf8(bytes[at..], out _, out var used) == System.Buffers.OperationStatus.Done)
            at += used;
        return $"byte {at + 1} of the line (0x{bytes[at]:X2}) is not UTF-8; if the file is Windows-1252 or Latin-1, convert it (iconv -f WINDOWS-1252 -t UTF-8)";
    }

    private static string Explain(ReadOnlySpan<byte> json, JsonException error)
    {
        var text = json.TrimStart(" \t\r\n"u8);
        var column = (error.BytePositionInLine ?? 0) + 1;
        if (error.Message.StartsWith("Duplicate property", StringComparison.Ordinal))
            return $"a key stands twice in the object{Quoted(error.Message)}: keep one";
        if (text.StartsWith("//"u8) || text.StartsWith("#"u8) || text.StartsWith("/*"u8))
            return "this is a comment, which JSON does not have: delete the line";
        if (text.StartsWith("{'"u8))
            return "JSON needs double quotes, not single ones: write the file with a JSON writer";
        if (text.Length > 0 && text[0] is not ((byte)'{' or (byte)'[' or (byte)'"') && text.IndexOf("{"u8) < 0)
            return $"a row must be a JSON object {{...}} (column {column} is not JSON): replace or delete the line";
        var end = json.TrimEnd(" \t\r\n"u8);
        if (end.EndsWith("},"u8))
            return "there is a comma after the object: delete it (one object a line, nothing between)";
        if (column > end.Length)
            return "the object is cut off before its end: complete or delete the line";
        if (error.Message.Contains("after a single JSON value", StringComparison.Ordinal))
            return $"more follows after the object (column {column}): write one object a line";
        return $"not valid JSON at column {column}: {Reason(json, (int)column - 1, error.Message)}";
    }

    private static string Quoted(string message)
    {
        var from = message.IndexOf('\'');
        var to = from < 0 ? -1 : message.IndexOf('\'', from + 1);
        return to > from + 1 ? $" ('{Words.Short(message[(from + 1)..to])}')" : "";
    }

    private static string Reason(ReadOnlySpan<byte> json, int at, string message)
    {
        if (message.Contains("trailing comma", StringComparison.Ordinal))
            return "a comma stands before a closing bracket: delete it";
        if (message.Contains("escap", StringComparison.Ordinal) && at < json.Length && json[at] >= ' ')
            return "a backslash begins an escape that does not exist: write \\\\ for a backslash";
        if (message.Contains("within a JSON string", StringComparison.Ordinal))
            return "a control character stands in a text: write it as an escape, \\n or \\t";
        if (at < json.Length && (json[at..].StartsWith("NaN"u8) || json[at..].StartsWith("Infinity"u8) || json[at..].StartsWith("-Infinity"u8)))
            return "NaN and Infinity are not JSON: write null, or leave the key out";
        var cut = message.IndexOf(". ", StringComparison.Ordinal);
        var reason = Words.Short(cut < 0 ? message : message[..cut], 120).TrimEnd('.', ' ');
        return reason.Length > 0 ? char.ToLowerInvariant(reason[0]) + reason[1..] : "unreadable";
    }
}
