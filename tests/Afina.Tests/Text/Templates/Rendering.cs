using System.Text.Json.Nodes;
using Afina.Text.Templates;

namespace Afina.Tests.Text.Templates;

/// <summary>Short ways to render in tests.</summary>
internal static class Rendering
{
    public const string ChatMl = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    public static string Render(string template, string variables = "{}", TemplateLimits? limits = null)
    {
        var values = JsonNode.Parse(variables)!.AsObject().ToDictionary(item => item.Key, item => JsonValues.From(item.Value));
        return ChatTemplate.Parse(template, "test", limits).RenderVariables(values, new DateTime(2026, 3, 7, 9, 5, 3)).Text;
    }

    public static ChatInput Chat(params (string Role, string Content)[] messages) => new()
    {
        Messages = [.. messages.Select(message => new JsonObject { ["role"] = message.Role, ["content"] = message.Content })],
        Now = new DateTime(2026, 3, 7),
    };
}
