using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Afina.Formats.Bitsandbytes;
using Afina.Formats.Safetensors;

namespace Afina.Formats.HuggingFace;

/// <summary>A model folder as transformers writes it: config.json, safetensors (memory-mapped; single or in shards, plain or quantized by
/// bitsandbytes) and the tokenizer's files.</summary>
public sealed class HuggingFaceFolder : IDisposable
{
    private static readonly string[] TokenizerNames =
    [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.model", "vocab.json", "merges.txt",
        "chat_template.jinja", "chat_template.json",
    ];

    private readonly SafetensorsSet _set;
    private readonly Dictionary<string, Weight> _weights;

    private HuggingFaceFolder(string path, ConfigReader config, ConfigReader? generation, SafetensorsSet set, Dictionary<string, Weight> weights)
    {
        Path = path;
        Config = config;
        GenerationConfig = generation;
        _set = set;
        _weights = weights;
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>config.json.</summary>
    public ConfigReader Config { get; }

    /// <summary>generation_config.json, or null where there is none.</summary>
    public ConfigReader? GenerationConfig { get; }

    /// <summary>The weights by name; what bitsandbytes spreads over several tensors is one weight.</summary>
    public IReadOnlyDictionary<string, Weight> Weights => _weights;

    /// <summary>The tokenizer's files that are there, with their full paths; templates included.</summary>
    public IReadOnlyList<string> TokenizerFiles => [.. TokenizerNames.Select(File).OfType<string>()];

    /// <summary>Opens a folder.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="config">The configuration's file name.</param>
    /// <exception cref="InvalidDataException">A file is missing, damaged or of a kind that Afina does not read; one line says which.</exception>
    public static HuggingFaceFolder Open(string path, string config = "config.json")
    {
        var name = System.IO.Path.GetFileName(System.IO.Path.GetFullPath(path).TrimEnd(System.IO.Path.DirectorySeparatorChar));
        if (!Directory.Exists(path))
            throw Refusal.For($"{name}: there is no such folder");
        var configPath = System.IO.Path.Combine(path, config);
        if (!System.IO.File.Exists(configPath))
            throw Refusal.For($"{name}: there is no {config}; a model folder has one");
        var reader = ConfigReader.Open(configPath);
        CheckQuantization(reader);
        var generationPath = System.IO.Path.Combine(path, "generation_config.json");
        var generation = System.IO.File.Exists(generationPath) ? ConfigReader.Open(generationPath) : null;
        var set = SafetensorsSet.Open(path);
        try
        {
            return new HuggingFaceFolder(path, reader, generation, set, Collect(set));
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>The full path of a file of the folder, or null where there is none.</summary>
    public string? File(string name)
    {
        var path = System.IO.Path.Combine(Path, name);
        return System.IO.File.Exists(path) ? path : null;
    }

    /// <inheritdoc/>
    public void Dispose() => _set.Dispose();

    private static void CheckQuantization(ConfigReader config)
    {
        var method = config.OptionalObject("quantization_config")?.OptionalString("quant_method");
        if (method is not (null or "bitsandbytes" or "BitsAndBytes"))
            throw Refusal.For($"{config.File}: the model is quantized with '{method}'; Afina reads plain weights, bitsandbytes and GGUF");
    }

    private static Dictionary<string, Weight> Collect(SafetensorsSet set)
    {
        var weights = new Dictionary<string, Weight>(StringComparer.Ordinal);
        var quantized = BitsandbytesReader.Read(set.Files, out var used);
        foreach (var weight in quantized)
            weights.Add(weight.Name, weight);
        foreach (var (name, file) in set.Files)
        {
            if (!used.Contains(name) && !IsBuffer(name, file.Find(name).Type))
                weights.Add(name, file.Weight(name));
        }

        return weights;
    }

    // Integers and truth values are counters and masks that a model makes by itself, and so are old checkpoints' rotary frequencies.
    private static bool IsBuffer(string name, SafetensorsType type) =>
        type.ToDType() is DType.I64 or DType.I32 or DType.I16 or DType.I8 or DType.U8 or DType.Bool
        || name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal);
}
