using System.Text.Json.Nodes;

namespace Afina.Data.Preparation;

/// <summary>Brings a row of any format into the columns that preparation reads: text; prompt and completion; messages; prompt, chosen and
/// rejected; prompt, completion and label; input_ids. Afina's rules: everything is checked here.</summary>
internal static class RowStandard
{
    private static readonly string[] Carried = ["tools", "chat_template_kwargs"];

    /// <summary>The row in standard columns.</summary>
    /// <exception cref="InvalidDataException">The row is of no known format, or not as its format has to be.</exception>
    public static Row Of(Row row, RowFormat? named, PreparationOptions options, bool hasTemplate)
    {
        var format = named ?? RowFormats.Of(row.Columns, options.TextField)
            ?? throw row.Refuse(Missing(row) is { } missing
                ? $"column '{missing}' is missing or null: complete or delete the row (it has {Shown(row)})"
                : $"the columns ({Shown(row)}) are of no known row format ({RowFormats.Known}): rename them, or say with fields which is which");
        var columns = format switch
        {
            RowFormat.Text => new JsonObject { ["text"] = Text(row, options.TextField) },
            RowFormat.Tokenized => Clone(row.Columns),
            RowFormat.Messages => new JsonObject { ["messages"] = Conversations.Checked(row, Value(row, "messages", "conversations"), "messages") },
            RowFormat.Conversations => new JsonObject { ["messages"] = Conversations.Checked(row, Value(row, "conversations", "messages"), "conversations") },
            RowFormat.Alpaca => Alpaca(row, options, hasTemplate && named is null),
            RowFormat.PromptCompletion => Paired(row, "completion"),
            RowFormat.Preference => Preference(row),
            _ => Unpaired(row),
        };
        foreach (var name in Carried)
        {
            if (row.Columns[name] is { } value)
                columns[name] = value.DeepClone();
        }

        return row with { Columns = columns };
    }

    private static JsonObject Alpaca(Row row, PreparationOptions options, bool asMessages)
    {
        if (asMessages && options.Alpaca is null)
        {
            var (instruction, input, output) = AlpacaFormat.Columns(row);
            var turns = new JsonArray(
                new JsonObject { ["role"] = "user", ["content"] = input.Length > 0 ? $"{instruction}\n\n{input}" : instruction },
                new JsonObject { ["role"] = "assistant", ["content"] = output });
            return new JsonObject { ["messages"] = Conversations.Checked(row, turns, "output") };
        }

        var (prompt, answer) = (options.Alpaca ?? AlpacaFormat.Default).Split(row);
        return new JsonObject { ["prompt"] = prompt, ["completion"] = NotEmpty(row, answer, "output") };
    }

    /// <summary>Prompt and answer, both texts or both conversations; a text beside a conversation becomes a message.</summary>
    private static JsonObject Paired(Row row, string column)
    {
        var prompt = Value(row, "prompt");
        var answer = Value(row, column);
        if (prompt is not JsonArray && answer is not JsonArray)
            return new JsonObject { ["prompt"] = Text(row, "prompt"), [column] = NotEmpty(row, Text(row, column), column) };
        return new JsonObject { ["prompt"] = Turns(row, prompt, "prompt", "user"), [column] = Turns(row, answer, column, "assistant") };
    }

    private static JsonArray Turns(Row row, JsonNode? value, string column, string role) => Conversations.Checked(row,
        value is JsonArray ? value : new JsonArray(new JsonObject { ["role"] = role, ["content"] = value?.DeepClone() }), column);

    private static JsonObject Preference(Row row)
    {
        if (row.Columns["preferred_output"] is not null)
            return FromOpenAi(row);
        var (chosen, rejected) = (Value(row, "chosen"), Value(row, "rejected"));
        var prompt = row.Columns["prompt"];
        var implicitPrompt = prompt is null;
        JsonObject columns;
        if (chosen is JsonArray || rejected is JsonArray || prompt is JsonArray)
        {
            columns = new JsonObject { ["chosen"] = Turns(row, chosen, "chosen", "assistant"), ["rejected"] = Turns(row, rejected, "rejected", "assistant") };
            // A prompt in words beside conversations that begin with it only repeats their first turn.
            implicitPrompt |= prompt is not JsonArray && columns["chosen"]![0]!["role"]!.GetValue<string>() != "assistant";
            if (!implicitPrompt)
                columns["prompt"] = Turns(row, prompt, "prompt", "user");
        }
        else
        {
            columns = new JsonObject { ["chosen"] = NotEmpty(row, Text(row, "chosen"), "chosen"), ["rejected"] = NotEmpty(row, Text(row, "rejected"), "rejected") };
            if (!implicitPrompt)
                columns["prompt"] = Text(row, "prompt");
        }

        return implicitPrompt ? ImplicitPrompt.Split(columns) : columns;
    }

    /// <summary>The columns that OpenAI's fine-tuning jobs take: input, preferred_output, non_preferred_output.</summary>
    private static JsonObject FromOpenAi(Row row)
    {
        var input = row.Columns["input"] as JsonObject ?? throw row.Refuse("column 'input' must be an object with messages");
        var columns = new JsonObject
        {
            ["prompt"] = Conversations.Checked(row, input["messages"], "input"),
            ["chosen"] = Conversations.Checked(row, row.Columns["preferred_output"], "preferred_output"),
            ["rejected"] = Conversations.Checked(row, row.Columns["non_preferred_output"], "non_preferred_output"),
        };
        if (input["tools"] is { } tools)
            columns["tools"] = tools.DeepClone();
        return columns;
    }

    private static JsonObject Unpaired(Row row)
    {
        var columns = Paired(row, "completion");
        columns["label"] = RowFormats.Label(row.Columns) ?? throw row.Refuse("column 'label' must be true (wanted) or false (unwanted)");
        return columns;
    }

    private static JsonNode? Value(Row row, string name, string? other = null) => row.Columns[name] ?? (other is null ? null : row.Columns[other])
        ?? throw row.Refuse($"column '{name}' is missing or null (the row has {Shown(row)})");

    private static string Text(Row row, string name) => Value(row, name) is JsonValue value && value.TryGetValue<string>(out var text)
        ? text
        : throw row.Refuse($"column '{name}' must be a text");

    private static string NotEmpty(Row row, string text, string column) => text.AsSpan().Trim().Length > 0
        ? text
        : throw row.Refuse($"column '{column}' is empty: delete the row or fill it");

    /// <summary>The column that a row with one half of a format lacks.</summary>
    private static string? Missing(Row row)
    {
        foreach (var (one, other) in ((string, string)[])[("chosen", "rejected"), ("rejected", "chosen"), ("instruction", "output"), ("completion", "prompt"), ("prompt", "completion")])
        {
            if (row.Columns[one] is not null && row.Columns[other] is null)
                return other;
        }

        return null;
    }

    private static JsonObject Clone(JsonObject columns) => (JsonObject)columns.DeepClone();

    private static string Shown(Row row)
    {
        var names = Words.Short(string.Join(", ", row.Columns.Select(column => column.Key)), 100);
        return names.Length == 0 ? "none" : names;
    }
}
