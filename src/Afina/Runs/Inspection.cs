using System.Globalization;
using Afina.Data;
using Afina.Formats.Peft;
using Afina.Formats.Safetensors;
using Afina.Models;
using Afina.Training;

namespace Afina.Runs;

/// <summary>What something on disk is.</summary>
/// <param name="Kind">model, adapter, checkpoint, rows or tensors.</param>
/// <param name="Facts">Names and values, the most telling first.</param>
/// <param name="Drawing">Lines that show how it is built or what it holds.</param>
public sealed record Inspection(string Kind, IReadOnlyList<KeyValuePair<string, string>> Facts, IReadOnlyList<string> Drawing)
{
    private const int BarWidth = 24;
    private const int MostTensors = 40;

    /// <summary>Looks at a model folder, a GGUF file, an adapter, a checkpoint, a safetensors file or a file of rows.</summary>
    /// <exception cref="FileNotFoundException">There is nothing.</exception>
    /// <exception cref="InvalidDataException">It is none of these, or damaged; one line says how.</exception>
    public static Inspection Of(string path)
    {
        PathHint.Require(path);
        if (Directory.Exists(path))
        {
            if (File.Exists(Path.Combine(path, PeftFolder.ConfigFile)))
                return File.Exists(Path.Combine(path, "trainer_state.json")) ? Checkpoint(path) : Adapter(path, "adapter");
            if (File.Exists(Path.Combine(path, "config.json")) || Directory.EnumerateFiles(path, "*.gguf").Any())
                return Model(path);
            throw new InvalidDataException($"{path}: this folder holds neither a model (config.json, .gguf) nor an adapter ({PeftFolder.ConfigFile})");
        }

        if (path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
            return Model(path);
        return path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) ? Tensors(path) : Rows(path);
    }

    private static Inspection Model(string path)
    {
        using var model = LanguageModel.Open(BaseModels.Resolve(path));
        var (decoder, config) = (model.Decoder, model.Decoder.Config);
        var formats = decoder.Weights.All.Values.GroupBy(weight => weight.Format.Name).OrderByDescending(group => group.Sum(weight => weight.Bytes))
            .Select(group => $"{group.Key} {Megabytes(group.Sum(weight => weight.Bytes))}");
        var layer = decoder.Modules.Where(module => module.Name.StartsWith("model.layers.0.", StringComparison.Ordinal)).ToList();
        var (attention, feedForward) = (Elements(layer, "self_attn"), Elements(layer, "mlp"));
        List<KeyValuePair<string, string>> facts =
        [
            new("name", model.Id ?? model.Name), new("family", config.ModelType), new("parameters", Count(decoder.ParameterCount)), new("stored", string.Join(", ", formats)),
            new("layers", Count(config.Layers.Count)), new("width", Count(config.HiddenSize)), new("vocabulary", Count(config.VocabularySize)), new("positions", Count(config.MaxPositions)),
            new("chat template", model.Tokenizer.ChatTemplateSource is null ? "none" : "yes"), new("licence", model.License ?? "not said"),
        ];
        string[] drawing =
        [
            $"tokens ─► embedding [{Count(config.VocabularySize)} x {Count(config.HiddenSize)}]",
            "   │",
            $"   ├─ {config.Layers.Count} layers, each {Count(attention + feedForward)} parameters:",
            $"   │    attention     {config.Heads} query heads over {config.KeyValueHeads} key/value heads of {config.HeadDim}   {Count(attention)}",
            $"   │    feed-forward  {Count(config.HiddenSize)} → {Count(config.IntermediateSize)} → {Count(config.HiddenSize)}   {Count(feedForward)}",
            "   │",
            $"   └─► head{(config.TiedHead ? " (the embedding again)" : "")} ─► a logit for each of {Count(config.VocabularySize)} tokens",
        ];
        return new Inspection("model", facts, drawing);
    }

    private static Inspection Adapter(string path, string kind)
    {
        var adapter = PeftFolder.Load(path);
        var config = adapter.Config;
        var modules = adapter.Tensors.Keys.Select(key => AdapterKeys.Parse(key).Module).Distinct().ToList();
        List<KeyValuePair<string, string>> facts =
        [
            new("base", config.BaseModelNameOrPath ?? "not said"), new("rank", Count(config.R)), new("alpha", ((double)config.LoraAlpha).ToString("G6", CultureInfo.InvariantCulture)),
            new("scale", config.Scaling(config.R, config.LoraAlpha).ToString("G4", CultureInfo.InvariantCulture)), new("modules", $"{modules.Count}: {string.Join(", ", modules.Select(module => module.Split('.')[^1]).Distinct())}"),
            new("parameters", Count(adapter.Tensors.Values.Sum(tensor => (long)tensor.Values.Length))), new("dropout", ((double)config.LoraDropout).ToString("G4", CultureInfo.InvariantCulture)), new("rsLoRA", config.UseRslora ? "yes" : "no"),
        ];
        return new Inspection(kind, facts, Layers(adapter));
    }

    /// <summary>How far each layer was moved: the root mean square of its B, which begins at zero.</summary>
    private static string[] Layers(PeftAdapter adapter)
    {
        var layers = adapter.Tensors.Values.Where(tensor => AdapterKeys.Parse(tensor.Key).Part == AdapterPart.LoraB)
            .GroupBy(tensor => LayerOf(tensor.Key)).Where(group => group.Key >= 0).OrderBy(group => group.Key)
            .Select(group => (Layer: group.Key, Size: Math.Sqrt(group.Sum(Squares) / Math.Max(group.Sum(tensor => (long)tensor.Values.Length), 1)))).ToList();
        if (layers.Count == 0)
            return [];
        var largest = Math.Max(layers.Max(layer => layer.Size), 1e-30);
        return ["how far each layer was moved (root mean square of B, which begins at 0)",
            .. layers.Select(layer => $"{layer.Layer,4} {new string('█', (int)Math.Round(layer.Size / largest * BarWidth)).PadRight(BarWidth)} {layer.Size.ToString("0.00000", CultureInfo.InvariantCulture)}")];
    }

    private static double Squares(PeftTensor tensor)
    {
        var sum = 0.0;
        foreach (var value in tensor.Values.Span)
            sum += (double)value * value;
        return sum;
    }

    private static int LayerOf(string key)
    {
        var parts = key.Split('.');
        var at = Array.IndexOf(parts, "layers");
        return at >= 0 && at + 1 < parts.Length && int.TryParse(parts[at + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var layer) ? layer : -1;
    }

    private static Inspection Checkpoint(string path)
    {
        var adapter = Adapter(path, "checkpoint");
        return adapter with { Facts = [.. Checkpoints.IdentityOf(path).Values.Where(entry => entry.Value.Length < 80), .. adapter.Facts] };
    }

    private static Inspection Tensors(string path)
    {
        using var file = SafetensorsFile.Open(path);
        var tensors = file.Tensors.Values.OrderBy(tensor => tensor.Name, StringComparer.Ordinal).ToList();
        return new Inspection("tensors",
            [new("tensors", Count(tensors.Count)), .. file.Metadata.Where(entry => entry.Value.Length < 200)],
            [.. tensors.Take(MostTensors).Select(tensor => $"{tensor.Name}  [{string.Join(" x ", tensor.Shape)}]"), .. tensors.Count > MostTensors ? [$"... and {tensors.Count - MostTensors} more"] : Array.Empty<string>()]);
    }

    private static Inspection Rows(string path)
    {
        var set = RowSet.Load(new DataSource(path), new ReadOptions(SkipBadRows: true));
        var formats = set.Rows.GroupBy(row => RowFormats.Of(row.Columns)?.ToString() ?? "unknown").OrderByDescending(group => group.Count());
        var lengths = set.Rows.Select(row => row.Columns.ToJsonString().Length).Order().ToList();
        var answers = set.Rows.Select(row => row.Columns["completion"]?.ToString().Trim()).OfType<string>().CountBy(answer => answer).OrderByDescending(pair => pair.Value).ToList();
        List<KeyValuePair<string, string>> facts =
        [
            new("rows", Count(set.Rows.Count)), new("format", string.Join(", ", formats.Select(group => $"{group.Key} {group.Count()}"))),
            new("columns", string.Join(", ", set.Rows.SelectMany(row => row.Columns.Select(column => column.Key)).Distinct())),
            new("characters a row", $"{Count(lengths[0])} to {Count(lengths[^1])}, half of them up to {Count(lengths[lengths.Count / 2])}"),
        ];
        if (set.Findings.Count > 0)
            facts.Add(new("noticed", $"{set.Findings.Count}: {set.Findings[0]}"));
        List<string> drawing = ["the first row:", Short(set.Rows[0].Columns.ToJsonString(), 400)];
        if (answers.Count is > 1 and <= 50)
        {
            drawing.Add("its answers:");
            drawing.AddRange(answers.Select(answer => $"{Short(answer.Key, 30),-32}{new string('█', Math.Max(1, answer.Value * BarWidth / answers[0].Value))} {answer.Value}"));
        }

        return new Inspection("rows", facts, drawing);
    }

    private static long Elements(List<LinearModule> modules, string part) =>
        modules.Where(module => module.Name.Contains(part, StringComparison.Ordinal)).Sum(module => (long)module.Inputs * module.Outputs);

    private static string Short(string text, int most) => text.Length > most ? text[..most] + " ..." : text;

    private static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    private static string Megabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.#} MB");
}
