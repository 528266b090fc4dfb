using System.Text.Json.Nodes;

namespace Afina.Data.Preparation;

/// <summary>Finds what the assistant wrote in a rendered conversation whose template does not mark it.</summary>
/// <remarks>
/// A turn begins where the conversation before it, rendered with its generation prompt, and the whole text part; it ends where the
/// conversation up to it ends. Templates that render a turn differently when others follow break that: then the turn is rendered again with
/// marks around its content, and its end is that of the content and of an end-of-turn token directly after it.
/// </remarks>
/// <param name="render">Renders messages, with a generation prompt or without; throws where the template refuses them.</param>
/// <param name="messages">The conversation.</param>
/// <param name="text">How it was rendered.</param>
/// <param name="specialAt">The length of the special token that stands at a place of a text, or 0.</param>
internal sealed class AssistantSpans(Func<JsonArray, bool, string> render, JsonArray messages, string text, Func<string, int, int> specialAt)
{
    private const string Opening = "\uE000\uE001", Closing = "\uE001\uE000";

    private const int LongestSpecial = 40;

    /// <summary>The spans, in order; a turn that cannot be found is an error.</summary>
    /// <exception cref="FormatException">A turn cannot be found.</exception>
    public List<(int Start, int End)> Find()
    {
        var spans = new List<(int Start, int End)>();
        var last = 0;
        for (var i = 0; i < messages.Count; i++)
        {
            if (messages[i] is not JsonObject message || message["role"] is not JsonValue role || !role.TryGetValue<string>(out var name) || name != "assistant")
                continue;
            var start = Start(i, last);
            var end = End(i, start);
            if (start < 0 || end < 0)
            {
                var marked = Marked(i);
                start = start < 0 ? marked.Start : start;
                end = end < 0 ? marked.End : end;
            }

            if (start < last || end < start)
                throw new FormatException($"it cannot be seen in the text where the assistant's turn {spans.Count + 1} begins and ends: mark it in the template with {{% generation %}}, or train on all of the text");
            spans.Add((start, end));
            last = end;
        }

        return spans;
    }

    private int Start(int turn, int least)
    {
        if (Rendered(turn, generationPrompt: true) is not { } prompt)
            return -1;
        var start = text.AsSpan().CommonPrefixLength(prompt);
        if (start == prompt.Length)
            return Math.Max(start, least);
        // Without a common beginning up to the prompt's header the two are other texts; and no header ends inside a special token.
        for (var back = 1; back <= Math.Min(LongestSpecial, start); back++)
        {
            if (specialAt(prompt, start - back) > back || specialAt(text, start - back) > back)
            {
                start -= back;
                break;
            }
        }

        return Rendered(turn, generationPrompt: false) is { } before && start > before.Length && text.StartsWith(before, StringComparison.Ordinal) ? Math.Max(start, least) : -1;
    }

    private int End(int turn, int start)
    {
        if (start < 0)
            return -1;
        var until = turn == messages.Count - 1 ? text : Rendered(turn + 1, generationPrompt: false);
        return until is not null && text.StartsWith(until, StringComparison.Ordinal) ? Math.Max(start, until.AsSpan().TrimEnd().Length) : -1;
    }

    private string? Rendered(int count, bool generationPrompt) =>
        count == 0 ? null : Rendered([.. messages.Take(count).Select(message => message?.DeepClone())], generationPrompt);

    private string? Rendered(JsonArray conversation, bool generationPrompt)
    {
        try
        {
            return render(conversation, generationPrompt);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            return null;
        }
    }

    /// <summary>Where a turn's content is, by marks inside its outer spaces, which templates may trim.</summary>
    private (int Start, int End) Marked(int turn)
    {
        var content = messages[turn]!["content"] switch
        {
            null => "",
            JsonValue value when value.TryGetValue<string>(out var written) => written,
            _ => null,
        };
        if (content is null)
            return (-1, -1);
        var copy = (JsonArray)messages.DeepClone();
        var to = content.AsSpan().TrimEnd().Length;
        var from = Math.Min(to, content.Length - content.AsSpan().TrimStart().Length);
        copy[turn]!["content"] = content[..from] + Opening + content[from..to] + Closing + content[to..];
        if (Rendered(copy, generationPrompt: false) is not { } marked)
            return (-1, -1);
        var opening = marked.IndexOf(Opening, StringComparison.Ordinal);
        var closing = marked.LastIndexOf(Closing, StringComparison.Ordinal);
        if (closing < 0 || marked.Replace(Opening, "").Replace(Closing, "") != text)
            return (-1, -1);
        var end = closing - (opening >= 0 ? Opening.Length : 0);
        return (opening, end + specialAt(text, end));
    }
}
