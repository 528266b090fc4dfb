using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Afina.Data;
using Afina.Data.Packing;
using Afina.Text.Tokenizers;

namespace Afina.Evaluation;

/// <summary>Rows of question, choices and answer (an index from 0), perhaps with a passage or a subject, asked as lm-evaluation-harness does.</summary>
internal static partial class MultipleChoice
{
    /// <summary>Whether a row is one.</summary>
    public static bool Is(Row row) => row.Columns["question"] is not null && row.Columns["choices"] is JsonArray && row.Columns["answer"] is not null;

    /// <summary>Encodes rows as contexts and continuations.</summary>
    public static void Add(EvaluationTask task, IReadOnlyList<Row> rows, EvaluationOptions options, Tokenizer tokenizer)
    {
        var asked = Asked(rows);
        var shots = Math.Min(options.Shots, rows.Count - 1);
        var before = string.Concat(asked.Take(shots).Select(row => $"{row.Context} {row.Continuations[row.Answer]}\n\n"));
        foreach (var row in asked.Skip(shots).Take(options.Limit ?? int.MaxValue))
        {
            var context = row.Subject + before + row.Context;
            var prompt = tokenizer.Encode(context);
            task.Choices.Add([.. row.Continuations.Select(text => (Continued(prompt, tokenizer.Encode($"{context} {text}")), Math.Max(text.EnumerateRunes().Count(), 1)))]);
            task.Right.Add(row.Answer);
            task.Questions.Add(row.Context);
            task.Wanted.Add(row.Continuations[row.Answer]);
        }
    }

    /// <summary>The rows as texts: contexts with what may follow them after a space.</summary>
    internal static IReadOnlyList<ChoiceQuestion> Asked(IReadOnlyList<Row> rows)
    {
        var continues = Continues(rows);
        return [.. rows.Select(row => Ask(row, continues))];
    }

    /// <summary>The tokens after those of the context alone, as many as the whole has more.</summary>
    private static Sequence Continued(int[] context, int[] whole)
    {
        int[] labels = [.. whole];
        labels.AsSpan(0, Math.Min(context.Length, whole.Length - 1)).Fill(TokenizedExample.NotTrained);
        return Sequence.Of(whole, labels);
    }

    /// <summary>With a subject (MMLU) the choices are listed and the letters compared, else the texts.</summary>
    private static ChoiceQuestion Ask(Row row, bool continues)
    {
        var (question, choices, answer) = (Text(row, "question").Trim(), Choices(row), Answer(row));
        if (row.Columns["subject"] is not null)
        {
            string[] letters = [.. choices.Select((_, i) => ((char)('A' + i)).ToString())];
            var listed = string.Concat(choices.Select((choice, i) => $"{letters[i]}. {choice}\n"));
            return new ChoiceQuestion($"The following are multiple choice questions (with answers) about {Text(row, "subject").Replace('_', ' ')}.\n\n", $"{question}\n{listed}Answer:", letters, answer);
        }

        if (continues)
            return new ChoiceQuestion("", Plain(question), [.. choices.Select(Plain)], answer);
        var passage = row.Columns["passage"] is null ? "" : Text(row, "passage") + "\n";
        return new ChoiceQuestion("", $"{passage}Question: {question}\nAnswer:", choices, answer);
    }

    /// <summary>Whether the choices go on with a text that breaks off, as HellaSwag's do, instead of answering a question: hardly any of
    /// its contexts ends a sentence, of other sets most do.</summary>
    private static bool Continues(IReadOnlyList<Row> rows) => rows.All(row => row.Columns["passage"] is null && row.Columns["subject"] is null)
        && (Path.GetFileName(rows[0].File).Contains("hellaswag", StringComparison.OrdinalIgnoreCase) || rows.Count(row => EndsSentence(Text(row, "question").Trim())) * 4 < rows.Count);

    private static bool EndsSentence(string question) => question.Length > 0 && question[^1] is '.' or '?' or '!' or ':' or ';' or '"' or ')';

    /// <summary>A text of WikiHow in HellaSwag without its marks.</summary>
    private static string Plain(string text) => Mark().Replace(text.Trim().Replace(" [title]", ". ", StringComparison.Ordinal), "").Replace("  ", " ", StringComparison.Ordinal);

    private static string[] Choices(Row row)
    {
        var choices = (JsonArray)row.Columns["choices"]!;
        if (choices.Count is < 2 or > 26 || choices.Any(choice => choice?.GetValueKind() != JsonValueKind.String))
            throw row.Refuse("choices must be 2 to 26 texts");
        return [.. choices.Select(choice => choice!.GetValue<string>())];
    }

    private static int Answer(Row row) => row.Columns["answer"] is JsonValue value && value.TryGetValue<int>(out var answer) && answer >= 0 && answer < Choices(row).Length
        ? answer
        : throw row.Refuse("answer must be the number of a choice, counted from 0");

    private static string Text(Row row, string column) => row.Columns[column] is JsonValue value && value.TryGetValue<string>(out var text)
        ? text
        : throw row.Refuse($"column '{column}' must be a text");

    [GeneratedRegex(@"\[.*?\]", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Mark();
}

/// <summary>A question as text.</summary>
/// <param name="Subject">A line before everything, or nothing.</param>
/// <param name="Context">What the continuations follow after a space.</param>
/// <param name="Continuations">The choices.</param>
/// <param name="Answer">The number of the right one.</param>
internal sealed record ChoiceQuestion(string Subject, string Context, string[] Continuations, int Answer);
