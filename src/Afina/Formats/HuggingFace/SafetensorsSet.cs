using System.Text.Json;
using Afina.Formats.Safetensors;

namespace Afina.Formats.HuggingFace;

/// <summary>The safetensors files of a model folder: one, or shards with an index.</summary>
internal sealed class SafetensorsSet : IDisposable
{
    private const string Single = "model.safetensors";
    private const string Index = "model.safetensors.index.json";
    private const int MostShards = 4096;
    private const long LargestIndex = 256L << 20;

    private readonly List<SafetensorsFile> _opened = [];

    private SafetensorsSet()
    {
    }

    /// <summary>The file of each tensor.</summary>
    public Dictionary<string, SafetensorsFile> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>Opens what is in the folder; <c>model.safetensors</c> comes before an index, as in transformers.</summary>
    /// <exception cref="InvalidDataException">There is none, or it is damaged.</exception>
    public static SafetensorsSet Open(string folder)
    {
        var set = new SafetensorsSet();
        try
        {
            if (File.Exists(Path.Combine(folder, Single)))
                set.Add(Path.Combine(folder, Single));
            else if (File.Exists(Path.Combine(folder, Index)))
                set.AddShards(folder);
            else
                throw Refusal.For($"{Path.GetFileName(Path.GetFullPath(folder))}: there is no {Single} and no {Index}{Hint(folder)}");
            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in _opened)
            file.Dispose();
    }

    private static string Hint(string folder) => Directory.EnumerateFiles(folder).Any(file => Path.GetExtension(file) is ".bin" or ".pt" or ".pth")
        ? "; pickled weights (.bin) are not read, since they can run code: convert the model to safetensors"
        : "";

    private void AddShards(string folder)
    {
        var index = JsonFile.ReadObject(Path.Combine(folder, Index), LargestIndex);
        if (!index.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
            throw Refusal.For($"{Index}: 'weight_map' must be an object");
        var wanted = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var entry in map.EnumerateObject())
        {
            var shard = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : "";
            if (!IsPlainName(shard))
                throw Refusal.For($"{Index}: tensor '{entry.Name}' is said to be in '{shard}', which is no plain file name ending in .safetensors");
            if (!wanted.TryGetValue(shard, out var names))
            {
                if (wanted.Count == MostShards)
                    throw Refusal.For($"{Index}: more than {MostShards} shards are named");
                wanted[shard] = names = [];
            }

            names.Add(entry.Name);
        }

        foreach (var (shard, names) in wanted.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            var path = Path.Combine(folder, shard);
            if (!File.Exists(path))
                throw Refusal.For($"{Index}: shard '{shard}' is not in the folder; fetch the model again");
            var file = Add(path);
            foreach (var name in names)
            {
                if (!file.Tensors.ContainsKey(name))
                    throw Refusal.For($"{shard}: there is no tensor '{name}', which {Index} says is here");
            }
        }
    }

    private SafetensorsFile Add(string path)
    {
        var file = SafetensorsFile.Open(path);
        _opened.Add(file);
        foreach (var name in file.Tensors.Keys)
        {
            if (!Files.TryAdd(name, file))
                throw Refusal.For($"{file.File.Name}: tensor '{name}' is in {Files[name].File.Name} too");
        }

        return file;
    }

    private static bool IsPlainName(string name) =>
        name.EndsWith(".safetensors", StringComparison.Ordinal) && name.IndexOfAny(['/', '\\', ':', '\0']) < 0 && !name.Contains("..", StringComparison.Ordinal);
}
