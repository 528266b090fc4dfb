using System.CommandLine;
using System.Text.Json.Nodes;
using Afina.Cli.Display;
using Afina.Runs;

namespace Afina.Cli.Commands;

/// <summary><c>afina merge</c>: adds an adapter into its base and writes a model folder.</summary>
internal static class MergeCommand
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var command = new Command("merge", "Writes the base model, with an adapter added into its weights, as a Hugging Face folder.");
        var adapter = new Argument<string?>("adapter") { Description = "folder of the adapter; without one the base alone is written", Arity = ArgumentArity.ZeroOrOne };
        var model = CommonOptions.Base();
        var output = new Option<string>("--output", "-o") { Description = "folder to write", Required = true };
        var type = new Option<string?>("--dtype") { Description = "fp32, bf16 or fp16 (default: the base's, bf16 for one of fewer bits)" };
        var overwrite = new Option<bool>("--overwrite") { Description = "replace a folder that has files in it" };
        var (json, quiet) = (CommonOptions.Json(), CommonOptions.Quiet());
        command.Arguments.Add(adapter);
        foreach (var option in (Option[])[model, output, type, overwrite, json, quiet])
            command.Options.Add(option);
        command.SetAction(parsed =>
        {
            var screen = new Screen(parsed.GetValue(json), parsed.GetValue(quiet));
            var folder = parsed.GetValue(output)!;
            var request = new ModelRequest { Base = parsed.GetValue(model), Adapter = parsed.GetValue(adapter), Type = parsed.GetValue(type) };
            var (name, written) = new ProgressDisplay(screen).Show(tell => MergeRun.Write(request, folder, parsed.GetValue(overwrite), share => tell("writing", share)));
            screen.Line($"  {folder}: {name}{(request.Adapter is null ? "" : $" with {request.Adapter} added")}, {written}");
            screen.Result(new JsonObject { ["base"] = name, ["adapter"] = request.Adapter, ["output"] = folder, ["dtype"] = written });
            return 0;
        });
        return command;
    }
}
