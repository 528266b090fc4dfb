using System.CommandLine;
using System.Text.Json.Nodes;
using Afina.Cli.Display;
using Afina.Runs;

namespace Afina.Cli.Commands;

/// <summary><c>afina inspect</c>: says what a file or folder is.</summary>
internal static class InspectCommand
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var command = new Command("inspect", "Says what a model, an adapter, a checkpoint or a file of rows is.");
        var path = new Argument<string>("path") { Description = "a model folder, a .gguf or .safetensors file, an adapter, a checkpoint or a file of rows" };
        var json = CommonOptions.Json();
        command.Arguments.Add(path);
        command.Options.Add(json);
        command.SetAction(parsed =>
        {
            var screen = new Screen(parsed.GetValue(json));
            var found = Inspection.Of(parsed.GetRequiredValue(path));
            screen.Line($"  {parsed.GetRequiredValue(path)}: {found.Kind}");
            screen.Line();
            var width = found.Facts.Max(fact => fact.Key.Length);
            foreach (var (name, value) in found.Facts)
                screen.Line($"  {name.PadRight(width)}  {value}");
            if (found.Drawing.Count > 0)
                screen.Line();
            foreach (var line in found.Drawing)
                screen.Line($"  {line}");
            screen.Result(new JsonObject { ["kind"] = found.Kind, ["facts"] = new JsonObject(found.Facts.Select(fact => KeyValuePair.Create(fact.Key, (JsonNode?)fact.Value))) });
            return 0;
        });
        return command;
    }
}
