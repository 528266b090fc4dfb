using System.Text.Json;
using Afina.Engine.Tensors;

namespace Afina.Formats.HuggingFace;

/// <summary>The config.json of a model whose weights were changed: every key of the base kept as it is, in its order and style.</summary>
public static class ExportedConfig
{
    /// <summary>Makes the file: the weights' new type under the keys that the base uses (<c>dtype</c>, <c>torch_dtype</c> or both; <c>dtype</c>
    /// where it has neither), and no <c>quantization_config</c>, since the weights are plain now.</summary>
    /// <param name="config">The base's config.json.</param>
    /// <param name="type">The type of the written weights.</param>
    /// <param name="changes">Keys to set beside these, such as tie_word_embeddings; added where the base has none.</param>
    public static ModelFile From(ConfigReader config, DType type, IReadOnlyDictionary<string, JsonElement>? changes = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        var name = type switch
        {
            DType.F32 => "float32",
            DType.BF16 => "bfloat16",
            DType.F16 => "float16",
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "weights are F32, BF16 or F16"),
        };
        return new ModelFile("config.json", stream => ModelFile.WriteIndented(stream, json =>
        {
            json.WriteStartObject();
            foreach (var entry in config.Json.EnumerateObject())
            {
                if (entry.Name is "dtype" or "torch_dtype")
                {
                    json.WriteString(entry.Name, name);
                }
                else if (changes is not null && changes.TryGetValue(entry.Name, out var value))
                {
                    json.WritePropertyName(entry.Name);
                    value.WriteTo(json);
                }
                else if (entry.Name != "quantization_config")
                {
                    entry.WriteTo(json);
                }
            }

            foreach (var (key, value) in changes ?? new Dictionary<string, JsonElement>())
            {
                if (config.Has(key))
                    continue;
                json.WritePropertyName(key);
                value.WriteTo(json);
            }

            if (!config.Has("dtype") && !config.Has("torch_dtype"))
                json.WriteString("dtype", name);
            json.WriteEndObject();
        }));
    }
}
