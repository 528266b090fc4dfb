using System.Text.Json;
using System.Text.Json.Nodes;

namespace Afina.Data.Preparation;

/// <summary>Checks conversations and gives their roles the names that templates know (Afina's rules); renames keys (TRL's).</summary>
internal static class Conversations
{
    private static readonly Dictionary<string, string> Roles = new(StringComparer.OrdinalIgnoreCase)
    {
        ["system"] = "system",
        ["developer"] = "developer",
        ["user"] = "user",
        ["human"] = "user",
        ["assistant"] = "assistant",
        ["gpt"] = "assistant",
        ["chatgpt"] = "assistant",
        ["model"] = "assistant",
        ["tool"] = "tool",
        ["function"] = "tool",
        ["observation"] = "tool",
        ["ipython"] = "tool",
    };

    /// <summary>A conversation whose keys are role and content, whatever its roles are called: what TRL does with from and value.</summary>
    public static JsonArray Renamed(JsonArray messages)
    {
        var result = new JsonArray();
        foreach (var message in messages)
        {
            if (message is not JsonObject fields)
            {
                result.Add(message?.DeepClone());
                continue;
            }

            var renamed = new JsonObject();
            foreach (var (key, value) in fields)
            {
                if (key is not ("from" or "value"))
                    renamed[key] = value?.DeepClone();
            }

            if (fields.TryGetPropertyValue("from", out var role))
                renamed["role"] = role?.DeepClone();
            if (fields.TryGetPropertyValue("value", out var content))
                renamed["content"] = content?.DeepClone();
            result.Add((JsonNode)renamed);
        }

        return result;
    }

    /// <summary>A conversation that templates understand.</summary>
    /// <exception cref="InvalidDataException">It is not one; the message names the turn.</exception>
    public static JsonArray Checked(Row row, JsonNode? value, string column)
    {
        if (value is JsonValue single && single.TryGetValue<string>(out var json) && json.AsSpan().TrimStart().StartsWith("["))
            value = Parsed(row, json, column);
        if (value is not JsonArray list)
            throw row.Refuse($"column '{column}' must be a list of messages, each with role and content");
        if (list.Count == 0)
            throw row.Refuse($"column '{column}' has no messages: delete the row or fill it");
        var result = new JsonArray();
        for (var i = 0; i < list.Count; i++)
            result.Add((JsonNode)Message(row, list[i], i + 1, column));
        return result;
    }

    /// <summary>The JSON in a text column, as CSV files have it.</summary>
    public static JsonNode? Parsed(Row row, string json, string column)
    {
        try
        {
            return JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { MaxDepth = Reading.JsonObjects.MaxDepth, AllowDuplicateProperties = false });
        }
        catch (JsonException)
        {
            throw row.Refuse($"column '{column}' is a text that should be JSON, but is not: repair it");
        }
    }

    private static JsonObject Message(Row row, JsonNode? value, int number, string column)
    {
        if (value is not JsonObject message)
            throw row.Refuse($"message {number} of '{column}' must be an object with role and content");
        var said = Text(message["role"]) ?? Text(message["from"]) ?? throw row.Refuse($"message {number} of '{column}' has no role: write system, user, assistant or tool");
        if (!Roles.TryGetValue(said, out var role))
            throw row.Refuse($"message {number} of '{column}' has the unknown role '{Words.Short(said)}': write system, user, assistant or tool");

        var result = new JsonObject { ["role"] = role };
        foreach (var (key, field) in message)
        {
            if (key is not ("role" or "from" or "value" or "content"))
                result[key] = field?.DeepClone();
        }

        var content = message.TryGetPropertyValue("content", out var found) ? found : message["value"];
        result["content"] = Content(row, content, message, role, number, column);
        return result;
    }

    private static JsonNode? Content(Row row, JsonNode? content, JsonObject message, string role, int number, string column)
    {
        var calls = message["tool_calls"] is JsonArray { Count: > 0 };
        switch (content)
        {
            case null when calls:
                return null;
            case null:
                throw row.Refuse($"message {number} of '{column}' has no content: fill it or delete the row");
            case JsonValue when Text(content) is { } text:
                if (role == "assistant" && text.AsSpan().Trim().Length == 0 && !calls && message["reasoning_content"] is null)
                    throw row.Refuse("the assistant's turn is empty: delete the row or fill it");
                return content.DeepClone();
            case JsonArray parts when parts.All(part => part is JsonObject fields && Text(fields["type"]) == "text" && Text(fields["text"]) is not null):
                return content.DeepClone();
            case JsonArray parts when parts.FirstOrDefault(part => part is JsonObject fields && Text(fields["type"]) is not (null or "text")) is JsonObject other:
                throw row.Refuse($"message {number} of '{column}' has a part of type '{Words.Short(Text(other["type"])!)}': only text can be trained");
            default:
                throw row.Refuse($"message {number} of '{column}' has a content that is not text: write it as a text");
        }
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
