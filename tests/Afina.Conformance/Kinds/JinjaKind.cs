using System.Text.Json.Nodes;
using Afina.Text.Templates;

namespace Afina.Conformance.Kinds;

/// <summary>Small templates with variables of their own.</summary>
internal sealed class JinjaKind : Kind
{
    public override string Name => "jinja";

    public override void Run(Case @case, Check check)
    {
        var now = ChatKind.Clock(@case);
        foreach (var row in @case.OwnJson(@case.Text("expected")!).GetProperty("rows").EnumerateArray())
        {
            var source = row.GetProperty("template").GetString()!;
            var variables = new Dictionary<string, object?>();
            if (row.TryGetProperty("variables", out var given))
            {
                foreach (var variable in given.EnumerateObject())
                    variables[variable.Name] = JsonValues.From(JsonNode.Parse(variable.Value.GetRawText()));
            }

            ChatKind.Compare(row, check, source, () => ChatTemplate.Parse(source, "row").RenderVariables(variables, now));
        }
    }
}
