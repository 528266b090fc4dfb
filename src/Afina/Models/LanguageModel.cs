using Afina.Formats.HuggingFace;
using Afina.Models.Families;

namespace Afina.Models;

/// <summary>A model opened from a Hugging Face folder or a GGUF file: the decoder, and where it came from.</summary>
public sealed class LanguageModel : IDisposable
{
    private readonly IDisposable _files;

    private LanguageModel(string path, Decoder decoder, IDisposable files) => (Path, Decoder, _files) = (path, decoder, files);

    /// <summary>The folder or file.</summary>
    public string Path { get; }

    /// <summary>The decoder.</summary>
    public Decoder Decoder { get; }

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
