using System.CommandLine;
using Afina.Cli.Display;
using Afina.Evaluation;
using Afina.Runs;

namespace Afina.Cli.Commands;

/// <summary><c>afina eval</c>: measures a base, and an adapter beside it, on rows.</summary>
internal static class EvalCommand
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var command = new Command("eval", "Measures a model, and an adapter beside it, on rows.");
        var data = new Argument<string>("data") { Description = "a file of rows: as for training, or question, choices, answer" };
        var adapter = CommonOptions.Adapter();
        var model = CommonOptions.Base();
        var shots = Number("--shots", 0, "rows shown before each question as earlier turns");
        var shotsFrom = new Option<string?>("--shots-from") { Description = "the file that shots come from (default: the train file beside the data)" };
        var labels = new Option<bool>("--labels") { Description = "also choose among the answers that the data has, by likelihood" };
        var chat = new Option<bool>("--chat") { Description = "ask rows of prompt and completion in plain text as chat turns" };
        var limit = Number("--limit", 1, "measure only the first rows");
        var tokens = Number("--max-new-tokens", 1, "the most tokens of an answer");
        var noAnswers = new Option<bool>("--no-answers") { Description = "measure the loss only; generate nothing" };
        var samples = Number("--samples", 0, "rows shown with their answers (default 3)");
        var (type, weights) = (CommonModelOptions.Type(), CommonModelOptions.Weights());
        var threads = CommonOptions.Threads();
        var (json, quiet) = (CommonOptions.Json(), CommonOptions.Quiet());
        command.Arguments.Add(data);
        foreach (var option in (Option[])[adapter, model, shots, shotsFrom, labels, chat, limit, tokens, noAnswers, samples, type, weights, threads, json, quiet])
            command.Options.Add(option);
        command.SetAction(parsed =>
        {
            var options = new EvaluationOptions
            {
                Data = parsed.GetRequiredValue(data),
                Shots = parsed.GetValue(shots) ?? 0,
                ShotsFrom = parsed.GetValue(shotsFrom),
                Labels = parsed.GetValue(labels),
                Chat = parsed.GetValue(chat),
                Limit = parsed.GetValue(limit),
                MaxNewTokens = parsed.GetValue(tokens),
                Generate = !parsed.GetValue(noAnswers),
                Samples = parsed.GetValue(samples) ?? 3,
            };
            PathHint.Require(options.Data);
            var screen = new Screen(parsed.GetValue(json), parsed.GetValue(quiet));
            var (name, report) = new ProgressDisplay(screen).Show(tell =>
            {
                void Tell(EvaluationProgress progress) => tell(progress.What, progress.Share);
                using var loaded = LoadedModel.Open(AdapterBase.Resolve(parsed.GetValue(model), parsed.GetValue(adapter)), CommonModelOptions.Format(parsed.GetValue(weights)), Tell);
                using var evaluator = new Evaluator(loaded, CommonModelOptions.ThreadCount(parsed.GetValue(threads)), CommonModelOptions.IsBf16(parsed.GetValue(type)));
                return (loaded.Name, evaluator.Run(options, parsed.GetValue(adapter), Tell));
            });
            screen.Line($"  {name}{(parsed.GetValue(adapter) is { } folder ? $" and {folder}" : "")} on {options.Data}{(options.Shots > 0 ? $", {options.Shots} shots" : "")}");
            EvaluationDisplay.Table(screen, report);
            EvaluationDisplay.Samples(screen, report.Samples);
            screen.Result(EvaluationDisplay.Json(report));
            return 0;
        });
        return command;
    }

    private static Option<int?> Number(string name, int least, string description)
    {
        var option = new Option<int?>(name) { Description = description };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var number) && number < least)
                result.AddError($"{name} must be at least {least}, not {number}");
        });
        return option;
    }
}
