using Afina.Formats.Safetensors;

namespace Afina.Formats.HuggingFace;

/// <summary>Writes a model folder that transformers, vLLM and llama.cpp's converter load: whole or not at all, tensor by tensor, in shards
/// with an index where one file would be too large.</summary>
public static class HuggingFaceWriter
{
    /// <summary>The largest shard unless told otherwise, as in transformers 4: 5 GB.</summary>
    public const long DefaultShardBytes = 5_000_000_000;

    /// <summary>Writes a folder.</summary>
    /// <param name="path">The folder to appear.</param>
    /// <param name="tensors">The weights, in the order in which shards are filled.</param>
    /// <param name="files">config.json, generation_config.json, the tokenizer's files.</param>
    /// <param name="shardBytes">The largest shard; a tensor larger than this has a shard of its own.</param>
    /// <param name="overwrite">Whether a folder with files in it may be replaced.</param>
    /// <exception cref="IOException">The disk has no room, or the folder is there already; nothing is left behind.</exception>
    public static void Write(string path, IReadOnlyList<SafetensorsSource> tensors, IReadOnlyList<ModelFile> files, long shardBytes = DefaultShardBytes, bool overwrite = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shardBytes);
        var total = tensors.Sum(tensor => tensor.Bytes);
        DiskSpace.Require(path, total);
        AtomicFolder.Write(
            path,
            folder =>
            {
                foreach (var file in files)
                    AtomicFile.Write(Path.Combine(folder, file.Name), file.Write);
                var shards = Shards(tensors, shardBytes);
                if (shards.Count == 1)
                {
                    SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), shards[0]);
                    return;
                }

                var map = new SortedDictionary<string, string>(StringComparer.Ordinal);
                for (var i = 0; i < shards.Count; i++)
                {
                    var name = FormattableString.Invariant($"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors");
                    foreach (var tensor in shards[i])
                    {
                        if (!map.TryAdd(tensor.Name, name))
                            throw Refusal.For($"{name}: tensor '{tensor.Name}' would be there twice");
                    }

                    SafetensorsWriter.Write(Path.Combine(folder, name), shards[i]);
                }

                AtomicFile.Write(Path.Combine(folder, "model.safetensors.index.json"), stream => WriteIndex(stream, tensors, total, map));
            },
            overwrite);
    }

    private static List<List<SafetensorsSource>> Shards(IReadOnlyList<SafetensorsSource> tensors, long limit)
    {
        var shards = new List<List<SafetensorsSource>> { new() };
        var size = 0L;
        foreach (var tensor in tensors)
        {
            if (shards[^1].Count > 0 && size + tensor.Bytes > limit)
            {
                shards.Add([]);
                size = 0;
            }

            shards[^1].Add(tensor);
            size += tensor.Bytes;
        }

        return shards;
    }

    private static void WriteIndex(Stream stream, IReadOnlyList<SafetensorsSource> tensors, long total, SortedDictionary<string, string> map) => ModelFile.WriteIndented(stream, json =>
    {
        json.WriteStartObject();
        json.WriteStartObject("metadata");
        json.WriteNumber("total_parameters", tensors.Sum(tensor => tensor.Bytes * 8 / tensor.Type.Bits()));
        json.WriteNumber("total_size", total);
        json.WriteEndObject();
        json.WriteStartObject("weight_map");
        foreach (var (name, shard) in map)
            json.WriteString(name, shard);
        json.WriteEndObject();
        json.WriteEndObject();
    });
}
