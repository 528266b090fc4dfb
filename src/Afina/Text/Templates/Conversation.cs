using System.Text.Json.Nodes;
using Afina.Text.Templates.Values;

namespace Afina.Text.Templates;

/// <summary>What apply_chat_template of transformers does around the template: the checks, the names of reasoning, and the text that breaks off.</summary>
internal sealed class Conversation
{
    // A rendering breaks off where this mark, appended to the message's text, comes out; the blank shows whether the template trims.
    private const string Mark = "CONTINUE_FINAL_MESSAGE_TAG ";

    private static readonly string[] ReasoningNames = ["reasoning_content", "thinking", "reasoning"];

    private readonly string? _continued;

    private Conversation(Dictionary<string, object?> variables, string? continued)
    {
        Variables = variables;
        _continued = continued;
    }

    /// <summary>The variables that the template sees.</summary>
    public Dictionary<string, object?> Variables { get; }

    /// <summary>Checks a conversation and makes the template's variables of it.</summary>
    public static Conversation Prepare(ChatInput input, string source, string name)
    {
        if (input.ContinueFinalMessage is not null && input.AddGenerationPrompt)
            throw new FormatException("a text cannot both continue the final message and add a generation prompt; choose one");
        var messages = new List<object?>();
        foreach (var message in input.Messages)
            messages.Add(Message(message, messages.Count));
        if (messages.Count == 0)
            throw new FormatException("the conversation has no messages; a chat template needs at least one");
        var continued = input.ContinueFinalMessage is { } field ? MarkLast((DictValue)messages[^1]!, field, source, name) : null;

        var variables = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (key, value) in input.Variables)
            variables[key] = JsonValues.From(value);
        variables["messages"] = messages;
        variables["tools"] = Objects(input.Tools, "tool");
        variables["documents"] = Objects(input.Documents, "document");
        variables["add_generation_prompt"] = input.AddGenerationPrompt;
        return new Conversation(variables, continued);
    }

    /// <summary>The rendered chat, broken off in the continued message if there is one.</summary>
    public RenderedChat Finish(RenderedChat rendered)
    {
        if (_continued is null)
            return rendered;
        var (text, spans) = (rendered.Text, rendered.AssistantSpans);
        var at = text.LastIndexOf(Mark.TrimEnd(), StringComparison.Ordinal);
        if (at < 0 || !text.Contains(Characters.Strip(_continued, null, true, true), StringComparison.Ordinal))
            throw new FormatException("the final message to continue does not appear in the rendered chat; the template drops or changes it");
        var keepsSpace = text.AsSpan(at).StartsWith(Mark);
        text = keepsSpace ? text[..at] : text[..Characters.TrimmedEnd(text.AsSpan(0, at))];
        return new RenderedChat(text, [.. spans.Where(span => span.Start < text.Length).Select(span => (span.Start, Math.Min(span.End, text.Length)))]);
    }

    /// <summary>A message without its null fields, and with its reasoning under every name that templates read.</summary>
    private static DictValue Message(JsonNode? node, int index)
    {
        if (JsonValues.From(node) is not DictValue message)
            throw new FormatException($"message {index + 1} of the conversation is not an object; it needs at least a role");
        foreach (var (key, value) in message.Items.ToList())
        {
            if (value is null)
                message.Remove(key);
        }

        var given = Array.Find(ReasoningNames, message.Has);
        if (given is not null && message.TryGet(given, out var reasoning))
        {
            foreach (var alias in ReasoningNames.Where(alias => !message.Has(alias)))
                message[alias] = reasoning;
        }

        return message;
    }

    private static List<object?>? Objects(IEnumerable<JsonNode?>? nodes, string what)
    {
        if (nodes is null)
            return null;
        var objects = new List<object?>();
        foreach (var node in nodes)
            objects.Add(JsonValues.From(node) as DictValue ?? throw new FormatException($"{what} {objects.Count + 1} is not an object"));
        return objects;
    }

    /// <summary>Appends the mark to the field of the last message (its last text part if it is a list) and returns the text before it.</summary>
    private static string MarkLast(DictValue message, string field, string source, string name)
    {
        if (!message.TryGet(field, out var content))
            throw new FormatException($"the final message has no '{field}' to continue");
        var names = ReasoningNames.Contains(field) ? ReasoningNames : [field];
        if (!Array.Exists(names, alias => source.Contains(alias, StringComparison.Ordinal)))
            throw new FormatException($"the final message cannot be continued in '{field}': the chat template {name} does not read that field");
        if (content is List<object?> parts)
            return MarkLastPart(message, field, parts);
        if (content is not string text)
            throw new FormatException($"the final message cannot be continued: its '{field}' is neither text nor a list of parts");
        foreach (var alias in names)
            message[alias] = text + Mark;
        return text;
    }

    private static string MarkLastPart(DictValue message, string field, List<object?> parts)
    {
        var at = parts.FindLastIndex(part => part is DictValue dict && dict.Has("text"));
        if (at < 0 || !((DictValue)parts[at]!).TryGet("text", out var value) || value is not string text)
            throw new FormatException("the final message has no text part to continue");
        var part = ((DictValue)parts[at]!).Copy();
        part["text"] = text + Mark;
        parts[at] = part;
        message[field] = parts;
        return text;
    }
}
