using System.Text.Json.Nodes;

namespace Afina.Data.Preparation;

/// <summary>Encodes the parts of standard rows; what every objective's preparation shares.</summary>
internal sealed class RowTokens(RowEncoder encoder, PreparationOptions options)
{
    private bool AsTrl => options.Rules == PreparationRules.Trl;

    /// <summary>Encodes a text or a conversation.</summary>
    public EncodedChat Encode(Row row, JsonNode? content, bool generationPrompt, bool withSpans = false)
    {
        if (content is JsonArray messages)
            return Chat(row, messages, generationPrompt, withSpans);
        var tokens = encoder.Encode(Text(row, content));
        return new EncodedChat(tokens, [], []);
    }

    /// <summary>Encodes an answer after its prompt, both texts or both conversations.</summary>
    public EncodedChat Joint(Row row, JsonNode? prompt, JsonNode? answer, bool withSpans = false)
    {
        if (prompt is JsonArray before && answer is JsonArray after)
            return Chat(row, [.. before.Concat(after).Select(message => message?.DeepClone())], generationPrompt: false, withSpans);
        if (prompt is JsonArray || answer is JsonArray)
            throw row.Refuse("the prompt and its answer must both be texts or both be lists of messages");
        return new EncodedChat(encoder.Encode(Text(row, prompt) + Text(row, answer)), [], []);
    }

    /// <summary>Appends the end-of-sequence text to a text column that does not end with it.</summary>
    public JsonNode? WithEnd(Row row, JsonNode? content)
    {
        var text = Text(row, content);
        return encoder.EndText is not { Length: > 0 } end || text.EndsWith(end, StringComparison.Ordinal) ? content : JsonValue.Create(text + end);
    }

    private static string Text(Row row, JsonNode? content) => content is JsonValue value && value.TryGetValue<string>(out var text)
        ? text
        : throw row.Refuse("a text is needed here, or a list of messages throughout");

    private EncodedChat Chat(Row row, JsonArray messages, bool generationPrompt, bool withSpans)
    {
        if (!encoder.HasTemplate)
            throw row.Refuse("the row is a conversation, but the model has no chat template: name one (chat_template), or write prompt and completion as texts");
        if (messages.Count == 0)
            throw row.Refuse("there are no messages");
        try
        {
            return encoder.Encode(new ChatRequest(messages, Tools(row), row.Columns["chat_template_kwargs"] as JsonObject, generationPrompt, withSpans));
        }
        catch (Exception error) when (error is not InvalidDataException and not OutOfMemoryException)
        {
            throw row.Refuse($"the chat template refuses the row: {Words.Short(error.Message, 300)}");
        }
    }

    private JsonNode? Tools(Row row)
    {
        var tools = row.Columns["tools"];
        if (tools is JsonValue value && value.TryGetValue<string>(out var json))
            tools = json.AsSpan().Trim().Length == 0 && !AsTrl ? null : Conversations.Parsed(row, json, "tools");
        // Templates print their words about tools even for an empty list.
        return tools is JsonArray { Count: 0 } && !AsTrl ? null : tools;
    }
}
