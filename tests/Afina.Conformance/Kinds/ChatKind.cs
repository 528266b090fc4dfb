using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Afina.Text.Templates;

namespace Afina.Conformance.Kinds;

/// <summary>A chat template over conversations: the text, the spans of the assistant, or the refusal.</summary>
internal sealed class ChatKind : Kind
{
    public override string Name => "chat";

    /// <summary>The local time at which the case's clock stands.</summary>
    public static DateTime Clock(Case @case) => DateTime.Parse(@case.Text("now")!, CultureInfo.InvariantCulture);

    public override void Run(Case @case, Check check)
    {
        var source = Encoding.UTF8.GetString(File.ReadAllBytes(@case.Resolve(@case.Text("template")!)));
        var template = ChatTemplate.Parse(source, @case.Name);
        if (@case.Json.TryGetProperty("has_generation", out var marks))
            check.Equal(marks.GetBoolean(), template.HasGeneration, "has_generation");
        var conversations = JsonNode.Parse(File.ReadAllBytes(@case.Resolve(@case.Text("conversations")!)))!.AsObject();
        var tokens = JsonNode.Parse(@case.Json.GetProperty("special_tokens").GetRawText())!.AsObject();
        foreach (var row in @case.OwnJson(@case.Text("expected")!).GetProperty("rows").EnumerateArray())
        {
            var name = row.GetProperty("conversation").GetString()!;
            var input = Input(conversations[name]!.AsObject(), tokens, Clock(@case));
            Compare(row, check, name, () => template.Render(input));
        }
    }

    /// <summary>Renders and compares with one expected row.</summary>
    public static void Compare(JsonElement row, Check check, string what, Func<RenderedChat> render)
    {
        RenderedChat? rendered = null;
        Exception? refusal = null;
        try
        {
            rendered = render();
        }
        catch (Exception error) when (error is TemplateException or FormatException)
        {
            refusal = error;
        }

        if (row.TryGetProperty("refuses", out var expected))
        {
            check.Equal(true, refusal is not null, $"{what}: refused ({expected.GetProperty("message").GetString()}); text {rendered?.Text}");
            if (expected.GetProperty("by").GetString() == "template")
                check.Equal(expected.GetProperty("message").GetString(), refusal?.Message, $"{what}: message");
            return;
        }

        check.Equal(row.GetProperty("text").GetString(), rendered?.Text ?? refusal!.Message, what);
        if (rendered is not null && row.TryGetProperty("assistant_spans", out var spans))
        {
            check.Same(
                [.. spans.EnumerateArray().Select(span => (span[0].GetInt32(), span[1].GetInt32()))],
                [.. rendered.AssistantSpans.Select(span => (CodePoints(rendered.Text, span.Start), CodePoints(rendered.Text, span.End)))],
                $"{what}: spans");
        }
    }

    private static int CodePoints(string text, int units) => text[..units].EnumerateRunes().Count();

    private static ChatInput Input(JsonObject conversation, JsonObject tokens, DateTime now)
    {
        var variables = new Dictionary<string, JsonNode?>();
        foreach (var (key, value) in tokens)
            variables[key] = value;
        foreach (var (key, value) in conversation["variables"]?.AsObject() ?? [])
            variables[key] = value;
        return new ChatInput
        {
            Messages = conversation["messages"]!.AsArray(),
            Tools = conversation["tools"]?.AsArray(),
            Documents = conversation["documents"]?.AsArray(),
            AddGenerationPrompt = conversation["add_generation_prompt"]?.GetValue<bool>() ?? false,
            ContinueFinalMessage = conversation["continue_final_message"] switch
            {
                JsonValue value when value.TryGetValue<string>(out var field) => field,
                JsonValue value when value.GetValue<bool>() => "content",
                _ => null,
            },
            Variables = variables,
            Now = now,
        };
    }
}
