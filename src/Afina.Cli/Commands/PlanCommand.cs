using System.CommandLine;
using Afina.Cli.Display;
using Afina.Runs;

namespace Afina.Cli.Commands;

/// <summary><c>afina plan</c>: says what a training would take, without training.</summary>
internal static class PlanCommand
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var command = new Command("plan", "Says how much memory and time a training would take.");
        var recipe = new RecipeOptions(command);
        var json = CommonOptions.Json();
        command.Options.Add(json);
        command.SetAction(parsed =>
        {
            var screen = new Screen(parsed.GetValue(json));
            using var run = TrainingRun.Prepare(recipe.Read(parsed));
            SummaryDisplay.Show(screen, run.Summary);
            Parts(screen, run.Summary);
            screen.Result(SummaryDisplay.Json(run.Summary));
            return 0;
        });
        return command;
    }

    private static void Parts(Screen screen, RunSummary summary)
    {
        var memory = summary.Memory;
        screen.Line();
        screen.Line($"  {"weights",-12} {Amount.Count(memory.Weights),16} bytes   {summary.Stored}");
        screen.Line($"  {"adapter",-12} {Amount.Count(memory.Adapter),16} bytes   parameters, gradients and the optimizer's state, fp32");
        screen.Line($"  {"activations",-12} {Amount.Count(memory.Activations),16} bytes   {summary.MicroRows} rows at once, {summary.Type}; computed again: {summary.Recomputation}");
        screen.Line($"  {"runtime",-12} {Amount.Count(memory.Runtime),16} bytes   .NET, compiled code, the rows");
        screen.Line($"  {"peak",-12} {Amount.Count(memory.Total),16} bytes");
    }
}
