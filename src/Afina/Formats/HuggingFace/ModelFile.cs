using System.Text.Json;

namespace Afina.Formats.HuggingFace;

/// <summary>A file of a model folder beside the weights.</summary>
/// <param name="Name">Its name, without a folder.</param>
/// <param name="Write">Writes its contents.</param>
public sealed record ModelFile(string Name, Action<Stream> Write)
{
    /// <summary>A file copied byte for byte, such as a tokenizer's.</summary>
    public static ModelFile Copy(string path) => new(Path.GetFileName(path), stream =>
    {
        using var source = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        source.CopyTo(stream);
    });

    /// <summary>A file of given bytes.</summary>
    public static ModelFile From(string name, byte[] bytes) => new(name, stream => stream.Write(bytes));

    /// <summary>A JSON file, indented by two as transformers does, with a final newline.</summary>
    public static ModelFile From(string name, JsonElement json) => new(name, stream => WriteIndented(stream, json.WriteTo));

    /// <summary>Writes indented JSON and a final newline.</summary>
    internal static void WriteIndented(Stream stream, Action<Utf8JsonWriter> write)
    {
        var options = new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(stream, options))
            write(json);
        stream.WriteByte((byte)'\n');
    }
}
