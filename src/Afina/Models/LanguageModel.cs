using System.Text.Json;
using Afina.Formats.Gguf;
using Afina.Formats.HuggingFace;
using Afina.Models.Families;
using Afina.Text.Tokenizers;

namespace Afina.Models;

/// <summary>A model opened from a Hugging Face folder or a GGUF file: the decoder, and where it came from.</summary>
public sealed class LanguageModel : IDisposable
{
    private readonly IDisposable _files;
    private readonly Lazy<Tokenizer> _tokenizer;

    private LanguageModel(string path, Decoder decoder, HuggingFaceFolder folder)
    {
        (Path, Decoder, _files) = (path, decoder, folder);
        Config = folder.Config;
        GenerationConfig = folder.GenerationConfig?.Json;
        Id = folder.Config.OptionalString("_name_or_path") is { Length: > 0 } name && !System.IO.Path.IsPathRooted(name) && name.Count(c => c == '/') == 1 ? name : null;
        _tokenizer = new Lazy<Tokenizer>(() => Tokenizer.Load(path));
    }

    private LanguageModel(string path, Decoder decoder, GgufFile file)
    {
        (Path, Decoder, _files) = (path, decoder, file);
        Id = KnownFiles.IdOf(path, file.Metadata);
        License = file.Metadata.GetValueOrDefault("general.license") as string;
        _tokenizer = new Lazy<Tokenizer>(() => Tokenizer.FromGguf(file.Metadata));
    }

    /// <summary>The folder or file.</summary>
    public string Path { get; }

    /// <summary>The decoder.</summary>
    public Decoder Decoder { get; }

    /// <summary>The model's tokenizer, with its chat template; read when it is first asked for.</summary>
    /// <exception cref="InvalidDataException">There is none, or it is damaged.</exception>
    public Tokenizer Tokenizer => _tokenizer.Value;

    /// <summary>The id under which Hugging Face has the model, where its files say so.</summary>
    public string? Id { get; }

    /// <summary>The model's licence, where its files say so.</summary>
    public string? License { get; }

    /// <summary>A name to show: the folder's, or the file's without ending.</summary>
    public string Name => System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(Path))) is var name
        && name.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) ? name[..^".gguf".Length] : name;

    /// <summary>config.json, of a folder.</summary>
    internal ConfigReader? Config { get; }

    /// <summary>generation_config.json, where there is one.</summary>
    internal JsonElement? GenerationConfig { get; }

    /// <summary>Opens a folder (config.json and safetensors) or a .gguf file, memory-mapped.</summary>
    /// <param name="config">Another file of the folder in the place of config.json.</param>
    /// <exception cref="InvalidDataException">Something is missing or contradictory; one line says what and where.</exception>
    public static LanguageModel Open(string path, string config = "config.json") =>
        File.Exists(path) ? OpenGguf(path) : OpenFolder(path, config);

    /// <inheritdoc/>
    public void Dispose() => _files.Dispose();

    private static LanguageModel OpenFolder(string path, string config)
    {
        var folder = HuggingFaceFolder.Open(path, config);
        try
        {
            var decoder = Family.Of(folder.Config).Read(folder.Config);
            var source = System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path)));
            return new LanguageModel(path, new Decoder(decoder, new ModelWeights(source, folder.Weights)), folder);
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    private static LanguageModel OpenGguf(string path)
    {
        var (decoder, file) = GgufModel.Open(path);
        return new LanguageModel(path, decoder, file);
    }
}
