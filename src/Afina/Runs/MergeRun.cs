using Afina.Adapters;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Afina.Formats;
using Afina.Formats.HuggingFace;
using Afina.Formats.Safetensors;
using Afina.Models;

namespace Afina.Runs;

/// <summary>Writes a model with an adapter added into its weights as a Hugging Face folder.</summary>
public static class MergeRun
{
    /// <summary>Opens what is asked for and writes the folder.</summary>
    /// <returns>The base model's name and the type that was written.</returns>
    public static (string Base, string Type) Write(ModelRequest request, string output, bool overwrite = false, Action<double>? progress = null)
    {
        if (!overwrite && Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).Any())
            throw new IOException($"{output}: the folder has files in it already; choose another, or allow it to be replaced with --overwrite");
        var opened = request.Open();
        using var model = opened.Model;
        var type = Write(model, opened.Adapter, output, request.DType, overwrite, progress);
        return (model.Name, type switch { DType.F32 => "fp32", DType.F16 => "fp16", _ => "bf16" });
    }

    /// <summary>Writes the folder, whole or not at all, a few rows at a time.</summary>
    /// <param name="model">The base model.</param>
    /// <param name="adapter">The adapter, or null for the base alone.</param>
    /// <param name="output">The folder to appear.</param>
    /// <param name="type">Type of the weights: F32, BF16, F16, or null for the base's own (BF16 for one of fewer bits).</param>
    /// <param name="overwrite">Whether a folder with files in it may be replaced.</param>
    /// <param name="progress">Told the share that is written.</param>
    /// <returns>The type that was written.</returns>
    /// <exception cref="IOException">The disk has no room, or the folder is there already.</exception>
    public static DType Write(LanguageModel model, Adapter? adapter, string output, DType? type = null, bool overwrite = false, Action<double>? progress = null)
    {
        var written = type ?? TypeOf(model.Decoder);
        var (done, all) = (0L, Math.Max(model.Decoder.Weights.All.Values.Sum(weight => weight.Count), 1));
        var names = model.Decoder.Weights.All.Values.ToArray();
        var tensors = names.Select(weight => weight.Rows == 1
            ? new SafetensorsSource(weight.Name, written.ToSafetensors(), [weight.Columns], SafetensorsSource.From(weight.Name, 1, weight.Columns, Rows(weight), written).Write)
            : SafetensorsSource.From(weight.Name, weight.Rows, weight.Columns, Rows(weight), written)).ToArray();
        List<ModelFile> files = [ConfigExport.Config(model, written)];
        if (ConfigExport.Generation(model) is { } generation)
            files.Add(generation);
        files.AddRange(TokenizerFiles(model));
        HuggingFaceWriter.Write(output, tensors, files, overwrite: overwrite);
        return written;

        FillElements Rows(Weight weight) => (start, to) =>
        {
            Merging.Rows(weight, adapter, (int)(start / weight.Columns), to);
            progress?.Invoke((done += to.Length) / (double)all);
        };
    }

    private static DType TypeOf(Decoder model)
    {
        var formats = model.Modules.Select(module => model.Weights.All[module.Name + ".weight"].Format).ToHashSet();
        return formats.All(format => format == BlockFormats.F32) ? DType.F32 : formats.All(format => format == BlockFormats.F16) ? DType.F16 : DType.BF16;
    }

    private static ModelFile[] TokenizerFiles(LanguageModel model)
    {
        // A folder without a tokenizer is a model all the same.
        if (model.Config is not null && !File.Exists(Path.Combine(model.Path, "tokenizer.json")))
            return [];
        var folder = Directory.CreateTempSubdirectory("afina-").FullName;
        try
        {
            model.Tokenizer.Save(folder);
            return [.. Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).Select(file => ModelFile.From(Path.GetFileName(file), File.ReadAllBytes(file)))];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
