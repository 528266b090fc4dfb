using System.Text.Json;

namespace Afina.Conformance;

/// <summary>One case: a folder with a case.json, inside a conformance folder.</summary>
internal sealed record Case(string Root, string Folder, string Name, JsonElement Json)
{
    /// <summary>The <c>kind</c> field.</summary>
    public string Kind => Json.GetProperty("kind").GetString()!;

    /// <summary>A path written in a case.json: relative to the conformance folder.</summary>
    public string Resolve(string path) => Path.GetFullPath(Path.Combine(Root, path));

    /// <summary>A file of the case's own folder.</summary>
    public string Own(string file) => Path.Combine(Folder, file);

    /// <summary>A string field, or null where it is absent or null.</summary>
    public string? Text(string field) =>
        Json.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>The JSON of a file in the case's own folder.</summary>
    public JsonElement OwnJson(string file) => ReadJson(Own(file));

    /// <summary>The JSON of any file.</summary>
    public static JsonElement ReadJson(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { MaxDepth = 512 });
        return document.RootElement.Clone();
    }

    /// <summary>Every case below <paramref name="root"/>, in the order of their names.</summary>
    public static IEnumerable<Case> Find(string root)
    {
        foreach (var file in Directory.EnumerateFiles(root, "case.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var folder = Path.GetDirectoryName(file)!;
            var json = ReadJson(file);
            if (json.TryGetProperty("kind", out _))
                yield return new Case(root, folder, Path.GetRelativePath(root, folder).Replace('\\', '/'), json);
        }

        var curves = Path.Combine(root, "smollm2", "curves");
        foreach (var file in Directory.Exists(curves) ? Directory.GetFiles(curves, "*.json").Order(StringComparer.Ordinal).ToArray() : [])
        {
            var json = ReadJson(file);
            if (json.ValueKind == JsonValueKind.Object && json.TryGetProperty("kind", out _))
                yield return new Case(root, curves, "smollm2/curves/" + Path.GetFileNameWithoutExtension(file), json);
        }
    }
}
