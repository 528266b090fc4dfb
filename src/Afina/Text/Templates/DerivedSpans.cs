using System.Text.Json.Nodes;
using Afina.Text.Templates.Values;

namespace Afina.Text.Templates;

/// <summary>
/// Finds the assistant's parts of a chat whose template does not mark them, by rendering beginnings of the conversation: up to an assistant turn
/// with the generation prompt, and up to its end. Where both are beginnings of the whole text, the turn lies between them. The role header is outside
/// a span, the content and the end-of-turn token are inside, white space that the template puts after them is outside.
/// </summary>
internal static class DerivedSpans
{
    /// <summary>The spans, or null if the template writes a turn differently when more follows.</summary>
    public static IReadOnlyList<(int Start, int End)>? Find(ChatTemplate template, ChatInput input, string whole)
    {
        var messages = input.Messages.ToList();
        var spans = new List<(int Start, int End)>();
        for (var i = 0; i < messages.Count; i++)
        {
            if (!IsAssistant(messages[i]))
                continue;
            var before = i == 0 ? null : Beginning(template, input, messages, i, prompt: true);
            var through = i == messages.Count - 1 && !input.AddGenerationPrompt ? whole : Beginning(template, input, messages, i + 1, prompt: false);
            if (before is null || through is null || !through.StartsWith(before, StringComparison.Ordinal) || !whole.StartsWith(through, StringComparison.Ordinal))
                return null;
            var end = End(through, before.Length, Content(messages[i]));
            if (spans.Count > 0 && before.Length < spans[^1].End)
                return null;
            if (end > before.Length)
                spans.Add((before.Length, end));
        }

        return spans;
    }

    private static string? Beginning(ChatTemplate template, ChatInput input, List<JsonNode?> messages, int count, bool prompt)
    {
        try
        {
            return template.Render(input with { Messages = messages.Take(count), AddGenerationPrompt = prompt }).Text;
        }
        catch (TemplateException)
        {
            return null;
        }
    }

    /// <summary>The end of a turn without the template's white space after it; white space of the content itself stays.</summary>
    private static int End(string text, int start, string? content)
    {
        var end = Math.Max(start, Characters.TrimmedEnd(text));
        return content is not null && text.AsSpan(start).StartsWith(content) ? Math.Max(end, start + content.Length) : end;
    }

    private static bool IsAssistant(JsonNode? message) =>
        message is JsonObject fields && fields["role"] is JsonValue role && role.TryGetValue<string>(out var name) && name == "assistant";

    private static string? Content(JsonNode? message) =>
        (message as JsonObject)?["content"] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
