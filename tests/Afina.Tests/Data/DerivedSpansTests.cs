using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Afina.Data.Preparation;
using Afina.Text.Templates;
using Xunit;

namespace Afina.Tests.Data;

/// <summary>What is found under templates without marks, against the same templates with marks of their own.</summary>
public sealed partial class DerivedSpansTests
{
    [Theory]
    [InlineData("qwen2-5")]
    [InlineData("qwen3")]
    [InlineData("llama3")]
    [InlineData("gemma")]
    [InlineData("gemma3")]
    [InlineData("phi3")]
    public void Spans_agree_with_the_marks_of_the_training_template(string name)
    {
        var plain = ChatTemplate.Parse(File.ReadAllText(Shared.Path($"conformance/chat/{name}/template.jinja")), name);
        var marked = ChatTemplate.Parse(File.ReadAllText(Shared.Path($"conformance/chat/{name}-training/template.jinja")), name);
        var conversations = JsonNode.Parse(File.ReadAllText(Shared.Path("conformance/chat/conversations.json")))!.AsObject();
        var tokens = JsonNode.Parse(File.ReadAllText(Shared.Path($"conformance/chat/{name}/case.json")))!["special_tokens"]!.AsObject();
        var (same, other) = (0, new List<string>());
        foreach (var (key, value) in conversations)
        {
            var conversation = value!.AsObject();
            if (conversation["add_generation_prompt"] is not null || conversation["continue_final_message"] is not null || conversation["messages"] is not JsonArray messages)
                continue;
            string Render(ChatTemplate template, JsonArray some, bool prompt, out IReadOnlyList<(int Start, int End)> spans)
            {
                var rendered = template.Render(new ChatInput { Messages = some, Tools = conversation["tools"] as JsonArray, AddGenerationPrompt = prompt, Variables = tokens.ToDictionary(t => t.Key, t => t.Value), Now = DateTime.UnixEpoch });
                spans = rendered.AssistantSpans;
                return rendered.Text;
            }

            try
            {
                var text = Render(plain, messages, false, out _);
                if (text != Render(marked, messages, false, out var expected) || expected.Count == 0)
                    continue;
                var found = new AssistantSpans((some, prompt) => Render(plain, some, prompt, out _), messages, text, SpecialAt).Find();
                if (Shown(text, expected) == Shown(text, found))
                    same++;
                else
                    other.Add($"{key}: marked {Shown(text, expected)}, found {Shown(text, found)}");
            }
            catch (TemplateException)
            {
                // The conversation is not one that the template takes.
            }
        }

        Assert.Equal([], other);
        Assert.InRange(same, 5, int.MaxValue);
    }

    /// <summary>The texts of the spans: touching ones together, and without line feeds around them, which only some templates mark.</summary>
    private static string Shown(string text, IReadOnlyList<(int Start, int End)> spans)
    {
        var parts = new List<(int Start, int End)>();
        foreach (var span in spans)
        {
            if (parts.Count > 0 && parts[^1].End == span.Start)
                parts[^1] = (parts[^1].Start, span.End);
            else
                parts.Add(span);
        }

        return string.Join('|', parts.Select(part => text[part.Start..part.End].Trim()));
    }

    private static int SpecialAt(string text, int at) => Special().Match(text, at) is { Success: true } match && match.Index == at ? match.Length : 0;

    [GeneratedRegex(@"<\|?[^<>\s]{1,40}\|?>|<｜[^<>]*｜>")]
    private static partial Regex Special();
}
