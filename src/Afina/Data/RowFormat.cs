using System.Text.Json;
using System.Text.Json.Nodes;

namespace Afina.Data;

/// <summary>What the columns of a row mean.</summary>
public enum RowFormat
{
    /// <summary><c>text</c>: plain text.</summary>
    Text,

    /// <summary><c>prompt</c> and <c>completion</c>, each a text or a list of messages.</summary>
    PromptCompletion,

    /// <summary><c>messages</c>: a conversation of role and content.</summary>
    Messages,

    /// <summary><c>conversations</c>: a conversation of from and value (ShareGPT).</summary>
    Conversations,

    /// <summary><c>instruction</c>, perhaps <c>input</c>, and <c>output</c> (Alpaca).</summary>
    Alpaca,

    /// <summary><c>chosen</c> and <c>rejected</c>, perhaps with their <c>prompt</c>.</summary>
    Preference,

    /// <summary><c>prompt</c>, <c>completion</c> and <c>label</c>: whether the completion is wanted.</summary>
    UnpairedPreference,

    /// <summary><c>input_ids</c>, perhaps with <c>labels</c> or masks.</summary>
    Tokenized,
}

/// <summary>Finds out what the columns of a row mean.</summary>
internal static class RowFormats
{
    /// <summary>What people can be told to write.</summary>
    public const string Known = "text; prompt, completion; messages; conversations; instruction, input, output; prompt, chosen, rejected; prompt, completion, label; input_ids";

    private static readonly (string Name, RowFormat Format)[] Names =
    [
        ("text", RowFormat.Text), ("completion", RowFormat.Text), ("prompt_completion", RowFormat.PromptCompletion),
        ("messages", RowFormat.Messages), ("chat_template", RowFormat.Messages), ("chat", RowFormat.Messages), ("sharegpt", RowFormat.Conversations),
        ("alpaca", RowFormat.Alpaca), ("preference", RowFormat.Preference), ("dpo", RowFormat.Preference), ("kto", RowFormat.UnpairedPreference),
        ("unpaired_preference", RowFormat.UnpairedPreference), ("tokenized", RowFormat.Tokenized),
    ];

    /// <summary>The format that a recipe's <c>type</c> names.</summary>
    /// <exception cref="FormatException">There is none of that name.</exception>
    public static RowFormat Named(string type)
    {
        foreach (var (name, format) in Names)
        {
            if (string.Equals(name, type.Replace('-', '_'), StringComparison.OrdinalIgnoreCase))
                return format;
        }

        throw new FormatException($"type '{type}': no such row format{NearestName.Hint(type, Names.Select(entry => entry.Name))}; there are {string.Join(", ", Names.Select(entry => entry.Name))}");
    }

    /// <summary>The format of a row, or null.</summary>
    /// <param name="columns">The row.</param>
    /// <param name="textField">The column of plain text.</param>
    public static RowFormat? Of(JsonObject columns, string textField = "text")
    {
        bool Has(string name) => columns.TryGetPropertyValue(name, out var value) && value is not null;
        if (Has("input_ids"))
            return RowFormat.Tokenized;
        if ((Has("chosen") && Has("rejected")) || (Has("preferred_output") && Has("non_preferred_output")))
            return RowFormat.Preference;
        if (Has("prompt") && Has("completion"))
            return Label(columns) is null ? RowFormat.PromptCompletion : RowFormat.UnpairedPreference;
        if (Has("messages"))
            return RowFormat.Messages;
        if (Has("conversations"))
            return RowFormat.Conversations;
        if (Has("instruction") && (Has("output") || Has("response")))
            return RowFormat.Alpaca;
        return Has(textField) ? RowFormat.Text : null;
    }

    /// <summary>The label of an unpaired preference row: true or false, or such a text in a CSV file.</summary>
    public static bool? Label(JsonObject columns) => columns["label"] switch
    {
        JsonValue value when value.GetValueKind() == JsonValueKind.True => true,
        JsonValue value when value.GetValueKind() == JsonValueKind.False => false,
        JsonValue value when value.TryGetValue<string>(out var text) && bool.TryParse(text, out var label) => label,
        _ => null,
    };

    /// <summary>Whether a value is a list of messages: its first element has a role (TRL's test).</summary>
    public static bool IsConversation(JsonNode? value) => value is JsonArray { Count: > 0 } list && list[0] is JsonObject first && first.ContainsKey("role");

    /// <summary>Whether a row holds conversations (TRL's test).</summary>
    public static bool IsConversational(JsonObject columns)
    {
        foreach (var name in (string[])["prompt", "chosen", "rejected", "completion", "messages"])
        {
            if (columns.TryGetPropertyValue(name, out var value) && value is not null)
                return IsConversation(value);
        }

        return false;
    }
}
