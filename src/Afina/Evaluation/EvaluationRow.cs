using System.Text.Json.Nodes;
using Afina.Data;
using Afina.Data.Preparation;

namespace Afina.Evaluation;

/// <summary>A question of a data file with the answer that is wanted.</summary>
/// <param name="Source">The row in standard columns.</param>
/// <param name="Prompt">A text, or the turns before the last answer.</param>
/// <param name="Answer">The wanted answer; null where the row is plain text.</param>
internal sealed record EvaluationRow(Row Source, JsonNode? Prompt, string? Answer)
{
    /// <summary>The words of the last turn that is asked.</summary>
    public string Question => Prompt switch
    {
        JsonArray turns when turns.LastOrDefault(turn => Text(turn?["content"]) is not null) is { } last => Text(last["content"])!,
        JsonValue => Text(Prompt)!,
        _ => "",
    };

    /// <summary>Brings a row into this form.</summary>
    /// <param name="chat">Whether texts become turns.</param>
    /// <exception cref="InvalidDataException">The row has no answer to measure.</exception>
    public static EvaluationRow Of(Row row, PreparationOptions options, bool hasTemplate, bool chat)
    {
        var standard = RowStandard.Of(row, null, options, hasTemplate);
        var columns = standard.Columns;
        if (columns.ContainsKey("chosen") || columns.ContainsKey("label"))
            throw row.Refuse("rows of preferences cannot be evaluated: write the wanted answer as completion");
        if (columns.ContainsKey("input_ids") || columns.ContainsKey("text"))
            return new EvaluationRow(standard, null, null);
        if (columns["messages"] is JsonArray messages)
        {
            var last = messages.Count - 1;
            return last > 0 && Role(messages[last]) == "assistant" && Text(messages[last]!["content"]) is { } said
                ? new EvaluationRow(standard, new JsonArray([.. messages.Take(last).Select(Copied)]), said)
                : throw row.Refuse("the conversation does not end with an answer of the assistant in text: add one or delete the row");
        }

        if (columns["completion"] is JsonArray turns)
        {
            return turns is [{ } only] && Text(only["content"]) is { } content
                ? new EvaluationRow(standard, columns["prompt"], content)
                : throw row.Refuse("the completion must be one answer of the assistant in text");
        }

        var (prompt, answer) = (Text(columns["prompt"])!, Text(columns["completion"])!);
        if (!chat)
            return new EvaluationRow(standard, columns["prompt"], answer);
        if (!hasTemplate)
            throw row.Refuse("the model has no chat template: leave --chat out");
        var asked = new JsonArray(Turn("user", prompt));
        var chatRow = standard with { Columns = new JsonObject { ["prompt"] = asked.DeepClone(), ["completion"] = new JsonArray(Turn("assistant", answer.Trim())) } };
        return new EvaluationRow(chatRow, asked, answer.Trim());
    }

    /// <summary>The row with another answer, after some shots, as prompt and completion.</summary>
    public Row With(string answer, IReadOnlyList<EvaluationRow> shots)
    {
        var prompt = PromptAfter(shots);
        JsonNode completion = prompt is JsonArray ? new JsonArray(Turn("assistant", answer)) : JsonValue.Create(answer);
        var columns = new JsonObject { ["prompt"] = prompt, ["completion"] = completion };
        if (Source.Columns["tools"] is { } tools)
            columns["tools"] = tools.DeepClone();
        return Source with { Columns = columns };
    }

    /// <summary>The prompt after some shots: as earlier turns, or as text with empty lines between.</summary>
    public JsonNode PromptAfter(IReadOnlyList<EvaluationRow> shots)
    {
        if (Prompt is not JsonArray turns)
            return JsonValue.Create(string.Concat(shots.Select(shot => $"{shot.Question}{shot.Answer}\n\n")) + Text(Prompt));
        var own = turns.Select(Copied).ToList();
        var system = own.Count > 0 && Role(own[0]) == "system" ? 1 : 0;
        var earlier = shots.SelectMany(shot => (shot.Prompt as JsonArray ?? []).Where(turn => Role(turn) != "system").Select(Copied).Append(Turn("assistant", shot.Answer!)));
        return new JsonArray([.. own.Take(system), .. earlier, .. own.Skip(system)]);
    }

    private static JsonObject Turn(string role, string content) => new() { ["role"] = role, ["content"] = content };

    private static JsonNode? Copied(JsonNode? node) => node?.DeepClone();

    private static string? Role(JsonNode? turn) => Text(turn?["role"]);

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
