using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Afina.Formats.Peft;

/// <summary>The facts of a model card: what was trained, on what, how, and what came of it.</summary>
public sealed partial record ModelCard
{
    /// <summary>The adapter's name.</summary>
    public required string Title { get; init; }

    /// <summary>The base model's id, or its folder.</summary>
    public required string BaseModel { get; init; }

    /// <summary>The file of the base model, where it is one.</summary>
    public string? BaseFile { get; init; }

    /// <summary>The SHA-256 of that file.</summary>
    public string? BaseSha256 { get; init; }

    /// <summary>The licence of the base model, which holds for the adapter too.</summary>
    public string? License { get; init; }

    /// <summary>The task, as PEFT has it.</summary>
    public string? TaskType { get; init; } = "CAUSAL_LM";

    /// <summary>What the training did, in a few words.</summary>
    public string? Objective { get; init; }

    /// <summary>The data files and their rows.</summary>
    public IReadOnlyList<CardData> Data { get; init; } = [];

    /// <summary>The settings, in the order to be shown.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Settings { get; init; } = [];

    /// <summary>The measured results.</summary>
    public IReadOnlyList<CardResult> Results { get; init; } = [];

    /// <summary>The command that makes the adapter again.</summary>
    public string? Command { get; init; }

    /// <summary>The versions of the programs, PEFT's format among them.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Versions { get; init; } = [KeyValuePair.Create("PEFT", LoraConfigWriter.FormatVersion)];

    /// <summary>The card: YAML front matter as PEFT writes it, then tables.</summary>
    public string Write()
    {
        var text = new StringBuilder();
        FrontMatter(text);
        text.Append('\n').Append("# ").Append(Line(Title)).Append("\n\n");
        text.Append("A LoRA adapter: a small set of trained weights that is used together with its base model.\n");
        if (Objective is not null)
            text.Append("\nTrained by ").Append(Cell(Objective)).Append(".\n");
        Base(text);
        if (Data.Count > 0)
            Table(text, "Data", ["file", "rows", "used for"], Data.Select(data => new[] { data.File, data.Rows.ToString(CultureInfo.InvariantCulture), data.Use }));
        if (Settings.Count > 0)
            Table(text, "Training", ["setting", "value"], Settings.Select(setting => new[] { setting.Key, setting.Value }));
        if (Results.Count > 0)
            Table(text, "Results", ["measure", "base model", "with this adapter"], Results.Select(result => new[] { result.Measure, result.Before ?? "-", result.After }));
        if (Command is not null)
            text.Append("\n## Again\n\n```sh\n").Append(Command.Trim()).Append("\n```\n");
        text.Append("\n### Framework versions\n\n");
        foreach (var (program, version) in Versions)
            text.Append("- ").Append(Line(program)).Append(' ').Append(Line(version)).Append('\n');
        return text.ToString();
    }

    private void FrontMatter(StringBuilder text)
    {
        text.Append("---\nbase_model: ").Append(Yaml(BaseModel)).Append("\nlibrary_name: peft\n");
        if (License is not null)
            text.Append("license: ").Append(Yaml(License)).Append('\n');
        if (TaskType == "CAUSAL_LM")
            text.Append("pipeline_tag: text-generation\n");
        text.Append("tags:\n");
        foreach (var tag in new[] { $"base_model:adapter:{BaseModel}", "lora", "transformers" })
            text.Append("- ").Append(Yaml(tag)).Append('\n');
        text.Append("---\n");
    }

    private void Base(StringBuilder text)
    {
        text.Append("\n## Base model\n\n").Append(Cell(BaseModel)).Append('\n');
        if (BaseFile is not null)
            text.Append("\nFile: `").Append(Line(BaseFile)).Append("`\n");
        if (BaseSha256 is not null)
            text.Append("\nSHA-256: `").Append(Line(BaseSha256)).Append("`\n");
    }

    private static void Table(StringBuilder text, string title, string[] head, IEnumerable<string[]> rows)
    {
        text.Append("\n## ").Append(title).Append("\n\n| ").AppendJoin(" | ", head).Append(" |\n|").Append(string.Concat(head.Select(_ => "---|"))).Append('\n');
        foreach (var row in rows)
            text.Append("| ").AppendJoin(" | ", row.Select(Cell)).Append(" |\n");
    }

    /// <summary>Text from outside must not end a line, a cell or a quotation, nor become HTML.</summary>
    private static string Cell(string text) => Line(text).Replace("|", "\\|", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal);

    private static string Line(string text) => text.ReplaceLineEndings(" ").Replace('`', '\'').Trim();

    private static string Yaml(string text) => Plain().IsMatch(text) ? text : PythonJson.Write(text);

    [GeneratedRegex(@"\A(?!(?:true|false|null|yes|no|on|off|y|n)\z)[A-Za-z][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)*\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Plain();
}

/// <summary>A data file of a model card.</summary>
/// <param name="File">Its name.</param>
/// <param name="Rows">Its rows.</param>
/// <param name="Use">What it was used for: training, evaluation.</param>
public sealed record CardData(string File, long Rows, string Use);

/// <summary>A result of a model card.</summary>
/// <param name="Measure">What was measured.</param>
/// <param name="Before">The base model's value.</param>
/// <param name="After">The adapter's value.</param>
public sealed record CardResult(string Measure, string? Before, string After);
