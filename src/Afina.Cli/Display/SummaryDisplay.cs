using System.Text.Json.Nodes;
using Afina.Runs;

namespace Afina.Cli.Display;

/// <summary>Shows what a run will do.</summary>
internal static class SummaryDisplay
{
    private const int MostFindings = 8;

    /// <summary>Three lines: base and adapter, rows, plan; what was noticed goes to standard error.</summary>
    public static void Show(Screen screen, RunSummary summary)
    {
        var share = 100.0 * summary.Trainable / (summary.Trainable + summary.Parameters);
        screen.Line($"  base     {summary.Base} ({summary.Stored}, {Amount.Short(summary.Parameters)}), {summary.Type} on {summary.Threads} thread{(summary.Threads == 1 ? "" : "s")}");
        screen.Line($"  adapter  LoRA r={summary.Rank}, {summary.Targets}, {Amount.Count(summary.Trainable)} trainable ({share:F2} %)");
        screen.Line($"  {summary.TrainableLine}");
        screen.Line($"  rows     {Amount.Count(summary.Examples)} train, {Amount.Count(summary.HeldOut)} held out; {summary.Formats}; {Amount.Count(summary.LossTokens)} loss tokens; {Amount.Count(summary.Steps)} step{(summary.Steps == 1 ? "" : "s")} at {summary.LearningRate:G3}");
        var memory = summary.Memory;
        screen.Line($"  plan     {Amount.Gigabytes(memory.Total)} GB (weights {Amount.Gigabytes(memory.Weights)}, adapter {Amount.Gigabytes(memory.Adapter)}, activations {Amount.Gigabytes(memory.Activations)}, other {Amount.Gigabytes(memory.Total - memory.Weights - memory.Adapter - memory.Activations)}) of {Amount.Gigabytes(summary.Available)} free; {Amount.About(summary.Seconds)}");
        foreach (var note in summary.Notes)
            Screen.Warn(note);
        foreach (var group in summary.Findings.GroupBy(finding => finding.Kind))
        {
            foreach (var finding in group.Take(MostFindings))
                Screen.Warn(finding.ToString());
            if (group.Count() > MostFindings)
                Screen.Warn($"... and {group.Count() - MostFindings} more like these");
        }
    }

    /// <summary>The same as JSON.</summary>
    public static JsonObject Json(RunSummary summary) => new()
    {
        ["base"] = summary.Base,
        ["stored"] = summary.Stored,
        ["parameters"] = summary.Parameters,
        ["dtype"] = summary.Type,
        ["threads"] = summary.Threads,
        ["kernels"] = summary.Kernels,
        ["lora_r"] = summary.Rank,
        ["targets"] = summary.Targets,
        ["trainable"] = summary.Trainable,
        ["objective"] = summary.Objective,
        ["examples"] = summary.Examples,
        ["held_out"] = summary.HeldOut,
        ["loss_tokens"] = summary.LossTokens,
        ["steps"] = summary.Steps,
        ["first_step"] = summary.FirstStep,
        ["learning_rate"] = summary.LearningRate,
        ["memory"] = new JsonObject([
            .. summary.Memory.Parts.Append(("loading", summary.Memory.Loading)).Append(("total", summary.Memory.Total)).Append(("available", summary.Available)).Select(part => KeyValuePair.Create(part.Item1.Replace(' ', '_'), (JsonNode?)part.Item2)),
        ]),
        ["micro_rows"] = summary.MicroRows,
        ["recomputation"] = summary.Recomputation,
        ["estimated_seconds"] = Math.Round(summary.Seconds, 1),
        ["notes"] = new JsonArray([.. summary.Notes.Select(note => (JsonNode)note)]),
        ["findings"] = new JsonArray([.. summary.Findings.Take(1000).Select(finding => (JsonNode)new JsonObject { ["kind"] = finding.Kind.ToString(), ["file"] = finding.File, ["line"] = finding.Line, ["message"] = finding.Message })]),
    };
}
