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
        foreach (var (name, bytes) in memory.Parts)
            screen.Line($"  {name,-12} {Amount.Count(bytes),16} bytes   {Meaning(name, summary)}");
        screen.Line($"  {"peak",-12} {Amount.Count(memory.Total),16} bytes   {(memory.Total > memory.Training ? "while the rows are read and prepared" : "the sum of these")}");
    }

    private static string Meaning(string part, RunSummary summary) => part switch
    {
        "weights" => summary.Stored,
        "adapter" => "parameters, gradients and the optimizer's state",
        "activations" => $"{summary.MicroRows} rows at once, {summary.Type}; computed again: {summary.Recomputation}",
        "evaluation" => "measuring held-out rows; the best adapter so far",
        "kept rows" => "rows that leave the layers below the adapter, for later epochs",
        "data" => "the rows as tokens, the tokenizer",
        _ => ".NET, compiled code",
    };
}
