using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Afina.Cli.Display;
using Afina.Runs;
using Afina.Training;
using Afina.Training.Recipes;

namespace Afina.Cli.Commands;

/// <summary><c>afina train</c>: fine-tunes, and writes the adapter's folder.</summary>
internal static class TrainCommand
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var command = new Command("train", "Fine-tunes a LoRA adapter on rows of text.");
        var recipe = new RecipeOptions(command);
        var (json, quiet) = (CommonOptions.Json(), CommonOptions.Quiet());
        var (profile, trace) = (CommonOptions.Profile(), CommonOptions.Trace());
        foreach (var option in (Option[])[json, quiet, profile, trace])
            command.Options.Add(option);
        command.SetAction(parsed => Run(recipe.Read(parsed), new Screen(parsed.GetValue(json), parsed.GetValue(quiet)), new ProfileDisplay(parsed.GetValue(profile), parsed.GetValue(trace))));
        return command;
    }

    private static int Run(Recipe recipe, Screen screen, ProfileDisplay profile)
    {
        using var run = TrainingRun.Prepare(recipe);
        run.Profile = profile.Taken;
        SummaryDisplay.Show(screen, run.Summary);
        using var interrupt = new CancellationTokenSource();
        using var first = Signal(PosixSignal.SIGINT);
        using var second = Signal(PosixSignal.SIGTERM);
        HeldOutMeasured? held = null;
        HeldOutMeasured? before = null;
        StepDone? last = null;
        string? checkpoint = null;
        var finished = new TrainDisplay(screen).Show(show => run.Train(happened =>
        {
            switch (happened)
            {
                case StepDone step:
                    last = step;
                    break;
                case HeldOutMeasured { Step: 0 } measured:
                    before = measured;
                    break;
                case HeldOutMeasured measured:
                    held = measured;
                    break;
                case CheckpointSaved saved:
                    checkpoint = saved.Path;
                    break;
            }

            show(happened);
        }, interrupt.Token));
        var result = SummaryDisplay.Json(run.Summary);
        result["end"] = finished.End switch { TrainEnd.Complete => "complete", TrainEnd.EarlyStopping => "early_stopping", TrainEnd.Cancelled => "cancelled", _ => "not_finite" };
        result["output"] = recipe.OutputDir;
        result["step"] = finished.Step;
        result["loss"] = Finite(last?.Loss);
        result["held_out_loss_before"] = Finite(before?.Loss);
        result["held_out_loss"] = Finite(finished.FinalLoss ?? held?.Loss);
        result["tokens"] = finished.Tokens;
        result["seconds"] = Math.Round(finished.Seconds, 2);
        result["tokens_per_second"] = Math.Round(last?.TokensPerSecond ?? 0, 1);
        result["peak_bytes"] = ProcessMemory.PeakBytes();
        result["checkpoint"] = finished.End is TrainEnd.Cancelled or TrainEnd.NotFinite ? checkpoint : null;
        profile.Show(screen, run.ProfileReport, result);
        var code = End(screen, recipe, finished, before, checkpoint);
        screen.Result(result);
        return code;

        PosixSignalRegistration Signal(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
        {
            // A second signal ends the program at once.
            context.Cancel = !interrupt.IsCancellationRequested;
            interrupt.Cancel();
        });
    }

    private static int End(Screen screen, Recipe recipe, TrainFinished finished, HeldOutMeasured? before, string? checkpoint)
    {
        switch (finished.End)
        {
            case TrainEnd.NotFinite:
                Screen.Error(finished.Message ?? "the training diverged");
                return Application.Failed;
            case TrainEnd.Cancelled:
                Screen.Error($"stopped after step {finished.Step}; the same command goes on from {checkpoint}");
                return Application.Interrupted;
            case TrainEnd.EarlyStopping:
                screen.Line($"  stopped early after step {finished.Step}: the held-out loss no longer falls");
                break;
        }

        var change = finished.FinalLoss is { } after && before is not null ? $"; held-out loss {before.Loss:F3} → {after:F3}" : "";
        screen.Line($"  done     {Amount.Clock(finished.Seconds)} for {Amount.Count(finished.Tokens)} tokens{change}; {Amount.Gigabytes(ProcessMemory.PeakBytes())} GB at most; the adapter is in {recipe.OutputDir}");
        return 0;
    }

    private static JsonNode? Finite(double? value) => value is { } number && double.IsFinite(number) ? number : null;
}
