using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Afina.Cli.Display;
using Afina.Evaluation;
using Afina.Runs;
using Afina.Training;

namespace Afina.Cli.Commands;

/// <summary><c>afina quickstart</c>: fine-tunes the model that comes with Afina on a small task and shows that it got better.</summary>
internal static class QuickstartCommand
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var command = new Command("quickstart", "Fine-tunes a model in a minute or two and measures the gain.");
        var qlora = new Option<bool>("--qlora") { Description = "train over a base quantized to 4 bits (NF4)" };
        var data = new Option<string?>("--data") { Description = "a folder with train.jsonl and valid.jsonl of prompt and completion (default: messages to a shop)" };
        var output = new Option<string>("--output", "-o") { Description = "where the adapter goes", DefaultValueFactory = _ => Path.Combine("runs", "quickstart") };
        var seed = new Option<long>("--seed") { Description = "seed of order and initialization", DefaultValueFactory = _ => 42 };
        var steps = new Option<int?>("--max-steps") { Description = "stop the training after so many steps" };
        var limit = new Option<int?>("--limit") { Description = "ask only the first held-out rows" };
        var (model, type, threads, json, quiet) = (CommonOptions.Base(), CommonModelOptions.Type(), CommonOptions.Threads(), CommonOptions.Json(), CommonOptions.Quiet());
        foreach (var option in (Option[])[qlora, data, output, seed, steps, limit, model, type, threads, json, quiet])
            command.Options.Add(option);
        command.SetAction(parsed => Run(new Screen(parsed.GetValue(json), parsed.GetValue(quiet)), new QuickstartOptions
        {
            Data = parsed.GetValue(data) ?? BaseModels.Beside(Path.Combine("samples", "data", "support")),
            Output = parsed.GetValue(output)!,
            Base = parsed.GetValue(model),
            Qlora = parsed.GetValue(qlora),
            Seed = parsed.GetValue(seed),
            Threads = CommonModelOptions.ThreadCount(parsed.GetValue(threads)),
            Type = parsed.GetValue(type),
            MaxSteps = parsed.GetValue(steps),
            Limit = parsed.GetValue(limit),
        }));
        return command;
    }

    private static int Run(Screen screen, QuickstartOptions options)
    {
        var begun = Stopwatch.GetTimestamp();
        using var quickstart = new Quickstart(options);
        Title(screen, "1  The data");
        screen.Line($"  {quickstart.Answers.Sum(answer => answer.Rows)} rows of {Shown(options.Data)} with {quickstart.Answers.Count} answers: {string.Join(", ", quickstart.Answers.Take(12).Select(answer => $"{answer.Answer} {answer.Rows}"))}{(quickstart.Answers.Count > 12 ? " ..." : "")}");
        screen.Line("  One of them as the model reads it; only the marked part is learned:");
        ExampleDisplay.Show(screen, quickstart.FirstExample());
        Title(screen, "2  The plan");
        var summary = quickstart.Plan();
        SummaryDisplay.Show(screen, summary);
        Title(screen, "3  The model before");
        var (zero, few) = new ProgressDisplay(screen).Show(tell => quickstart.MeasureBase(progress => tell(progress.What, progress.Share)));
        screen.Line($"  asked {zero.Rows} messages it has not seen: {zero.ExactMatch:P0} right; with {quickstart.Shots} examples shown before each: {few.ExactMatch:P0} right");
        Title(screen, "4  The training");
        StepDone? last = null;
        var finished = new TrainDisplay(screen).Show(show => quickstart.Train(happened =>
        {
            last = happened as StepDone ?? last;
            show(happened);
        }));
        if (finished.End is not (TrainEnd.Complete or TrainEnd.EarlyStopping))
            throw new InvalidOperationException(finished.Message ?? "the training was stopped");
        var rate = finished.Tokens / Math.Max(finished.Seconds, 1e-9);
        screen.Line($"  {Amount.Clock(finished.Seconds)} for {Amount.Count(finished.Tokens)} tokens ({rate:N0} tokens/s), {Amount.Gigabytes(quickstart.PeakBytes)} GB at most ({Amount.Gigabytes(summary.Memory.Total)} GB planned)");
        Title(screen, "5  The model after");
        var report = new ProgressDisplay(screen).Show(tell => quickstart.MeasureAdapter(progress => tell(progress.What, progress.Share)));
        EvaluationDisplay.Table(screen, [("base", report.Base), ($"base, {quickstart.Shots} shown", few), ("fine-tuned", report.Adapter!)], null);
        EvaluationDisplay.Samples(screen, report.Samples);
        Title(screen, $"6  Go on  ({Amount.Clock(Stopwatch.GetElapsedTime(begun).TotalSeconds)} in all)");
        Next(screen, options, quickstart);
        screen.Result(Json(options, quickstart, summary, few, report, finished, rate));
        return 0;
    }

    /// <summary>A path as a person would type it here.</summary>
    private static string Shown(string path) => Path.GetRelativePath(Environment.CurrentDirectory, path) is var relative && relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;

    private static void Next(Screen screen, QuickstartOptions options, Quickstart quickstart)
    {
        var model = options.Base is { } path ? $" --base {path}" : "";
        screen.Line($"  the adapter is in {options.Output}");
        screen.Line($"  talk to it       afina chat --adapter {options.Output}{model}");
        screen.Line($"  measure it       afina eval {quickstart.ValidPath} --adapter {options.Output}{model}");
        screen.Line($"  your own rows    afina train my-rows.jsonl{model}");
        screen.Line($"  one model of it  afina merge {options.Output} --output merged{model}");
    }

    private static JsonObject Json(QuickstartOptions options, Quickstart quickstart, RunSummary summary, ModelScore few, EvaluationReport report, TrainFinished finished, double rate)
    {
        var (before, after) = (EvaluationDisplay.Json(report.Base), EvaluationDisplay.Json(report.Adapter!));
        before["few_shot_exact_match"] = few.ExactMatch;
        before["few_shot_loss"] = few.Loss;
        return new JsonObject
        {
            ["before"] = before,
            ["after"] = after,
            ["train"] = new JsonObject
            {
                ["seconds"] = Math.Round(finished.Seconds, 3),
                ["tokens"] = finished.Tokens,
                ["tokens_per_second"] = Math.Round(rate, 1),
                ["peak_bytes"] = quickstart.PeakBytes,
                ["planned_bytes"] = summary.Memory.Total,
                ["steps"] = finished.Step,
                ["held_out_loss"] = finished.FinalLoss,
            },
            ["adapter"] = options.Output,
            ["samples"] = EvaluationDisplay.Json(report.Samples),
        };
    }

    private static void Title(Screen screen, string text)
    {
        screen.Line();
        screen.Line(text);
    }
}
