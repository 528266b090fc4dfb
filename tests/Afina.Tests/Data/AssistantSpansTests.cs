using System.Text.Json.Nodes;
using Afina.Data.Preparation;
using Xunit;

namespace Afina.Tests.Data;

public sealed class AssistantSpansTests
{
    private static JsonArray Talk(params string[] turns) =>
        [.. turns.Select((turn, i) => (JsonNode)new JsonObject { ["role"] = i % 2 == 0 ? "user" : "assistant", ["content"] = turn })];

    private static string[] Found(Func<JsonArray, bool, string> render, JsonArray messages)
    {
        var text = render(messages, false);
        return [.. new AssistantSpans(render, messages, text, (all, at) => all.AsSpan(at).StartsWith("<e>") ? 3 : 0).Find().Select(span => text[span.Start..span.End])];
    }

    private static string Turns(JsonArray messages, Func<int, string> content) =>
        string.Concat(messages.Select((message, i) => $"<{message!["role"]}>\n{content(i)}<e>\n"));

    [Fact]
    public void Content_and_end_of_turn_are_the_assistants_header_and_line_feed_are_not() => Assert.Equal(["yo<e>", " two <e>"], Found(
        (messages, prompt) => Turns(messages, i => messages[i]!["content"]!.GetValue<string>()) + (prompt ? "<assistant>\n" : ""), Talk("hi", "yo", "one", " two ")));

    [Fact]
    public void A_generation_prompt_that_the_text_lacks_ends_the_header_where_the_two_part() => Assert.Equal(["yo<e>"], Found(
        (messages, prompt) => Turns(messages, i => messages[i]!["content"]!.GetValue<string>()) + (prompt ? "<assistant>\n<think>\n" : ""), Talk("hi", "yo")));

    [Fact]
    public void Earlier_turns_that_are_rendered_differently_are_found_by_marks() => Assert.Equal(["yo<e>", "<think></think>two<e>"], Found(
        (messages, prompt) => Turns(messages, i => (i == messages.Count - 1 && i % 2 == 1 ? "<think></think>" : "") + messages[i]!["content"]!.GetValue<string>().Trim())
            + (prompt ? "<assistant>\n" : ""), Talk("hi", " yo ", "one", "two")));

    [Fact]
    public void An_end_of_text_after_the_last_turn_belongs_to_it_alone() => Assert.Equal(["yo<e>", "two<e>\n<eos>"], Found(
        (messages, prompt) => Turns(messages, i => messages[i]!["content"]!.GetValue<string>()) + (prompt ? "<assistant>\n" : "<eos>"), Talk("hi", "yo", "one", "two")));

    [Fact]
    public void A_template_that_hides_the_turn_is_an_error_not_a_guess() => Assert.Contains("{% generation %}", Assert.Throws<FormatException>(() => Found(
        (messages, prompt) => $"{messages.Count} messages", Talk("hi", "yo", "one"))).Message);
}
