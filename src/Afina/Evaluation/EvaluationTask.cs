using System.Text.Json.Nodes;
using Afina.Data;
using Afina.Data.Packing;
using Afina.Data.Preparation;
using Afina.Text.Tokenizers;

namespace Afina.Evaluation;

/// <summary>Questions as tokens: what is scored, what is generated after, and the alternatives among which the likeliest is chosen.</summary>
internal sealed class EvaluationTask
{
    private const int MostLabels = 200;

    /// <summary>For each row what the loss is a mean over; empty for multiple choice.</summary>
    public List<Sequence> Answers { get; } = [];

    /// <summary>For each row the prompt's tokens, where an answer is generated.</summary>
    public List<int[]> Prompts { get; } = [];

    /// <summary>For each row the answer that is wanted.</summary>
    public List<string> Wanted { get; } = [];

    /// <summary>For each row the words that are shown.</summary>
    public List<string> Questions { get; } = [];

    /// <summary>For each row its alternatives, with the characters of each.</summary>
    public List<(Sequence Tokens, int Characters)[]> Choices { get; } = [];

    /// <summary>For each row the number of the right alternative.</summary>
    public List<int> Right { get; } = [];

    /// <summary>The labels that are the alternatives of every row.</summary>
    public List<string> Labels { get; private set; } = [];

    /// <summary>Whether the rows are multiple choice.</summary>
    public bool IsMultipleChoice { get; private set; }

    /// <summary>Tokens of the longest wanted answer.</summary>
    public int LongestAnswer => Answers.Count == 0 ? 0 : Answers.Max(answer => answer.Targets.Count);

    /// <summary>Reads and encodes a data file.</summary>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">A row cannot be measured; one line names it.</exception>
    public static EvaluationTask Load(EvaluationOptions options, Tokenizer tokenizer)
    {
        var set = RowSet.Load(new DataSource(options.Data, Split: Directory.Exists(options.Data) ? HeldOutSplit(options.Data) : null));
        var task = new EvaluationTask();
        if (set.Rows.All(MultipleChoice.Is))
        {
            task.IsMultipleChoice = true;
            MultipleChoice.Add(task, set.Rows, options, tokenizer);
            return task;
        }

        var encoder = new ChatEncoder(tokenizer, new ChatEncoderOptions());
        var preparation = new PreparationOptions { MaxLength = options.MaxLength };
        EvaluationRow Standard(Row row) => EvaluationRow.Of(row, preparation, encoder.HasTemplate, options.Chat);
        var rows = set.Rows.Select(Standard).ToList();
        var others = options.Shots > 0 && TrainFile(options, set.Rows[0].File) is { } file ? RowSet.Load(new DataSource(file)).Rows.Select(Standard).ToList() : null;
        var shots = Shots(others ?? rows, options);
        if (others is null)
            rows.RemoveAll(shots.Contains);
        if (rows.Count == 0)
            throw new InvalidDataException($"{options.Data}: all rows became shots and none is left to measure: ask for fewer shots, or name another file for them");
        task.Add([.. rows.Take(options.Limit ?? int.MaxValue)], rows, shots, options, encoder, preparation);
        return task;
    }

    private void Add(IReadOnlyList<EvaluationRow> rows, List<EvaluationRow> all, IReadOnlyList<EvaluationRow> shots, EvaluationOptions options, ChatEncoder encoder, PreparationOptions preparation)
    {
        // A cut prompt would not be the question any more; shots make prompts longer than training has them.
        var supervised = new SupervisedPreparation(encoder, preparation with { MaxLength = shots.Count > 0 ? null : preparation.MaxLength });
        var tokens = new RowTokens(encoder, preparation);
        if (options.Labels)
            Labels = LabelsOf(all, options.Data);
        foreach (var row in rows)
        {
            var example = Example(supervised, shots.Count == 0 || row.Answer is null ? row.Source : row.With(row.Answer, shots));
            if (example is null)
                continue;
            Answers.Add(Sequence.Of(example));
            Questions.Add(row.Question);
            Wanted.Add(row.Answer?.Trim() ?? "");
            if (row.Answer is null)
                continue;
            var asked = row.With(row.Answer, shots);
            Prompts.Add(tokens.Encode(asked, asked.Columns["prompt"], generationPrompt: asked.Columns["prompt"] is JsonArray).Tokens);
            if (Labels.Count == 0)
                continue;
            Choices.Add([.. Labels.Select(label => (Sequence.Of(Example(supervised, row.With(Spelled(row.Answer, label), shots))!), label.Length))]);
            Right.Add(Labels.IndexOf(row.Answer.Trim()));
        }

        if (Answers.Count == 0)
            throw new InvalidDataException($"{options.Data}: no row has anything to measure");
    }

    /// <summary>A label with the white space that the row's own answer has around it.</summary>
    private static string Spelled(string answer, string label) => answer.Replace(answer.Trim(), label, StringComparison.Ordinal);

    private static TokenizedExample? Example(SupervisedPreparation preparation, Row row) => preparation.Prepare([row], null, [])[0];

    private static List<string> LabelsOf(List<EvaluationRow> rows, string data)
    {
        var labels = rows.Select(row => row.Answer?.Trim()).OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        return labels.Count is > 1 and <= MostLabels && labels.Count <= rows.Count / 2 ? labels
            : throw new InvalidDataException($"{data}: {rows.Count} rows have {labels.Count} distinct answers; --labels needs 2 to {MostLabels} that repeat");
    }

    /// <summary>The first row of each answer before any second one, in file order.</summary>
    private static List<EvaluationRow> Shots(List<EvaluationRow> rows, EvaluationOptions options)
    {
        if (options.Shots == 0)
            return [];
        var answered = rows.Where(row => row.Answer is not null).ToList();
        if (answered.Count < options.Shots)
            throw new InvalidDataException($"{options.ShotsFrom ?? options.Data}: {options.Shots} shots are asked for, but {answered.Count} rows have an answer");
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        return [.. answered.Select((row, at) =>
            {
                var times = seen[row.Answer!] = seen.GetValueOrDefault(row.Answer!) + 1;
                return (row, at, times);
            })
            .OrderBy(entry => entry.times).ThenBy(entry => entry.at).Take(options.Shots).OrderBy(entry => entry.at).Select(entry => entry.row)];
    }

    private static string? TrainFile(EvaluationOptions options, string data)
    {
        if (options.ShotsFrom is { } given)
            return given;
        var folder = Path.GetDirectoryName(Path.GetFullPath(data))!;
        var train = Directory.EnumerateFiles(folder, "train.*").Order(StringComparer.Ordinal)
            .FirstOrDefault(file => Path.GetExtension(file) == Path.GetExtension(data));
        return train is null || Path.GetFullPath(train) == Path.GetFullPath(data) ? null : train;
    }

    private static string HeldOutSplit(string folder)
    {
        foreach (var name in (string[])["valid", "validation", "test", "eval", "dev"])
        {
            if (Directory.EnumerateFiles(folder, name + ".*").Any())
                return name;
        }

        throw new FileNotFoundException($"{folder}: the folder has no valid or test file: name the file to measure on");
    }
}
