using System.Text.Json;
using System.Text.Json.Nodes;
using Afina.Data;
using Afina.Data.Packing;
using Afina.Text.Tokenizers;

namespace Afina.Evaluation;

/// <summary>Rows of question, choices and answer (an index from 0), perhaps with a passage or a subject, asked as lm-evaluation-harness does.</summary>
internal static class MultipleChoice
{
    /// <summary>Whether a row is one.</summary>
    public static bool Is(Row row) => row.Columns["question"] is not null && row.Columns["choices"] is JsonArray && row.Columns["answer"] is not null;

    /// <summary>Encodes rows as contexts and continuations.</summary>
    public static void Add(EvaluationTask task, IReadOnlyList<Row> rows, EvaluationOptions options, Tokenizer tokenizer)
    {
        var shots = Math.Min(options.Shots, rows.Count - 1);
        var before = string.Concat(rows.Take(shots).Select(row => $"{Context(row)} {Continuations(row)[Answer(row)]}\n\n"));
        foreach (var row in rows.Skip(shots).Take(options.Limit ?? int.MaxValue))
        {
            var context = before + Context(row);
            var prompt = tokenizer.Encode(context);
            task.Choices.Add([.. Continuations(row).Select(text => (Continued(prompt, tokenizer.Encode($"{context} {text}")), text.EnumerateRunes().Count()))]);
            task.Right.Add(Answer(row));
            task.Questions.Add(Text(row, "question"));
            task.Wanted.Add(Continuations(row)[Answer(row)]);
        }
    }

    /// <summary>The tokens after those of the context alone, as many as the whole has more.</summary>
    private static Sequence Continued(int[] context, int[] whole)
    {
        int[] labels = [.. whole];
        labels.AsSpan(0, Math.Min(context.Length, whole.Length - 1)).Fill(TokenizedExample.NotTrained);
        return Sequence.Of(whole, labels);
    }

    private static string Context(Row row)
    {
        var question = Text(row, "question").Trim();
        if (row.Columns["passage"] is not null)
            return $"{Text(row, "passage")}\nQuestion: {question}\nAnswer:";
        if (row.Columns["subject"] is not null)
            return $"{question}\n{string.Concat(Choices(row).Select((choice, i) => $"{(char)('A' + i)}. {choice}\n"))}Answer:";
        return EndsSentence(question) ? $"Question: {question}\nAnswer:" : question;
    }

    /// <summary>With a subject (MMLU) the letters, else the texts.</summary>
    private static string[] Continuations(Row row) =>
        row.Columns["subject"] is null ? Choices(row) : [.. Choices(row).Select((_, i) => ((char)('A' + i)).ToString())];

    // HellaSwag's contexts break off in a sentence that the choices go on with.
    private static bool EndsSentence(string question) => question.Length > 0 && question[^1] is '.' or '?' or '!' or ':' or ';' or '"' or ')';

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
}
