using System.Text.Json.Nodes;
using Afina.Text.Templates;
using Xunit;

namespace Afina.Tests.Text.Templates;

public sealed class ChatTemplateTests
{
    private static readonly ChatTemplate ChatMl = ChatTemplate.Parse(Rendering.ChatMl, "chatml");

    [Fact]
    public void Renders_the_conversation() => Assert.Equal(
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n",
        ChatMl.Render(Rendering.Chat(("user", "Hi"), ("assistant", "Yo"))).Text);

    [Fact]
    public void Breaks_off_inside_the_continued_message() => Assert.Equal(
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nWell, ",
        ChatMl.Render(Rendering.Chat(("user", "Hi"), ("assistant", "Well, ")) with { ContinueFinalMessage = "content" }).Text);

    [Fact]
    public void Refuses_an_empty_conversation() =>
        Assert.Contains("no messages", Assert.Throws<FormatException>(() => ChatMl.Render(Rendering.Chat())).Message);

    [Fact]
    public void Refuses_to_continue_and_prompt_at_once() => Assert.Throws<FormatException>(() =>
        ChatMl.Render(Rendering.Chat(("user", "Hi")) with { ContinueFinalMessage = "content", AddGenerationPrompt = true }));

    [Fact]
    public void Refuses_to_continue_a_message_that_the_template_drops()
    {
        var template = ChatTemplate.Parse("{{ messages[0].content }}", "first");
        Assert.Throws<FormatException>(() => template.Render(Rendering.Chat(("user", "Hi"), ("assistant", "Yo")) with { ContinueFinalMessage = "content" }));
    }

    [Fact]
    public void Drops_null_fields_and_fills_the_names_of_reasoning()
    {
        var template = ChatTemplate.Parse("{% set m = messages[0] %}{{ m.content is defined }} {{ m.reasoning_content }} {{ m.reasoning }}", "t");
        var input = Rendering.Chat() with { Messages = [JsonNode.Parse("""{"role": "assistant", "content": null, "thinking": "hm"}""")] };
        Assert.Equal("False hm hm", template.Render(input).Text);
    }

    [Fact]
    public void Keeps_int_and_float_apart()
    {
        var template = ChatTemplate.Parse("{{ tools|tojson }} {{ a }} {{ b }}", "t");
        var input = Rendering.Chat(("user", "x")) with
        {
            Tools = [JsonNode.Parse("""{"a": 1, "b": 1.0, "c": 1e-7, "d": 12345678901234567890}""")],
            Variables = new Dictionary<string, JsonNode?> { ["a"] = JsonValue.Create(2), ["b"] = JsonValue.Create(2.0) },
        };
        Assert.Equal("""[{"a": 1, "b": 1.0, "c": 1e-07, "d": 12345678901234567890}] 2 2.0""", template.Render(input).Text);
    }

    [Fact]
    public void Says_exactly_what_the_template_says()
    {
        var template = ChatTemplate.Parse("{{ raise_exception('roles must alternate') }}", "t");
        var error = Assert.Throws<TemplateException>(() => template.Render(Rendering.Chat(("user", "x"))));
        Assert.True(error.RaisedByTemplate);
        Assert.Equal("roles must alternate", error.Message);
    }

    [Fact]
    public void Names_template_line_and_column_of_a_fault()
    {
        Assert.Equal("chat template mine, line 2, column 6: unexpected '%'", Assert.Throws<FormatException>(() => ChatTemplate.Parse("a\n{{ 1%% }}", "mine")).Message);
        var error = Assert.Throws<TemplateException>(() => ChatTemplate.Parse("a\n{{ x.y }}", "mine").Render(Rendering.Chat(("user", "x"))));
        Assert.Equal("chat template mine, line 2: 'x' is undefined", error.Message);
    }

    [Fact]
    public void Marks_what_generation_blocks_wrote()
    {
        var template = ChatTemplate.Parse("{% for m in messages %}{{ m.role }}:{% generation %}{{ m.content }}|{% endgeneration %} {% endfor %}", "t");
        var rendered = template.Render(Rendering.Chat(("a", "x"), ("b", "😀")));
        Assert.True(template.HasGeneration);
        Assert.Equal(["x|", "😀|"], rendered.AssistantSpans.Select(span => rendered.Text[span.Start..span.End]));
    }

    [Fact]
    public void Marks_generation_blocks_inside_macros_and_block_sets_where_they_end_up()
    {
        var template = ChatTemplate.Parse(
            "{% macro f() %}a{% generation %}bc{% endgeneration %}{% endmacro %}{% set s %}x{{ f() }}{% endset %}123{{ s }}{{ f() }}", "t");
        var rendered = template.Render(Rendering.Chat(("user", "x")));
        Assert.Equal("123xabcabc", rendered.Text);
        Assert.Equal([(5, 7), (8, 10)], rendered.AssistantSpans);
    }

    [Fact]
    public void Derives_the_spans_of_a_template_without_marks()
    {
        var input = Rendering.Chat(("system", "S"), ("user", "Hi"), ("assistant", "Yo \n"), ("user", "?"), ("assistant", ""));
        var text = ChatMl.Render(input).Text;
        var spans = ChatMl.FindAssistantSpans(input);
        Assert.Equal(["Yo \n<|im_end|>", "<|im_end|>"], spans!.Select(span => text[span.Start..span.End]));
    }

    [Fact]
    public void Keeps_white_space_of_the_content_where_no_token_ends_the_turn()
    {
        var template = ChatTemplate.Parse("{% for m in messages %}{% if m.role == 'user' %}Q: {{ m.content }}\nA: {% else %}{{ m.content }}\n\n{% endif %}{% endfor %}", "t");
        var input = Rendering.Chat(("user", "q"), ("assistant", "a "));
        var text = template.Render(input).Text;
        Assert.Equal(["a "], template.FindAssistantSpans(input)!.Select(span => text[span.Start..span.End]));
    }

    [Fact]
    public void Says_when_spans_cannot_be_derived()
    {
        var template = ChatTemplate.Parse("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% if loop.last %}<end>{% endif %}{% endfor %}", "t");
        Assert.Null(template.FindAssistantSpans(Rendering.Chat(("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"))));
    }

    [Fact]
    public void Renders_from_many_threads_at_once()
    {
        var texts = Enumerable.Range(0, 64).AsParallel().Select(i => ChatMl.Render(Rendering.Chat(("user", $"{i}"))).Text).ToHashSet();
        Assert.Equal(64, texts.Count);
    }
}
