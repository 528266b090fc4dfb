using System.CommandLine;
using System.Text.Json.Nodes;
using Afina.Cli.Display;
using Afina.Runs;

namespace Afina.Cli.Commands;

/// <summary><c>afina doctor</c>: says what this machine can do.</summary>
internal static class DoctorCommand
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var command = new Command("doctor", "Says what this machine can do, and what fits.");
        var (threads, json) = (CommonOptions.Threads(), CommonOptions.Json());
        command.Options.Add(threads);
        command.Options.Add(json);
        command.SetAction(parsed =>
        {
            var screen = new Screen(parsed.GetValue(json));
            var report = MachineReport.Make(CommonModelOptions.ThreadCount(parsed.GetValue(threads)));
            Show(screen, report);
            screen.Result(Json(report));
            return report.Missing.Count == 0 ? 0 : Application.Failed;
        });
        return command;
    }

    private static void Show(Screen screen, MachineReport report)
    {
        screen.Line($"  processor  {report.Processor}, {report.Threads} thread{(report.Threads == 1 ? "" : "s")}");
        foreach (var (name, available, use) in report.Features)
            screen.Line($"             {(available ? "✓" : "–")} {name,-13} {use}");
        screen.Line($"  kernels    {report.Kernels}{(report.Forced is { } forced ? $" (AFINA_CPU={forced})" : "")}");
        screen.Line($"  products   up to {report.Rates.Bf16:N0} GFLOP/s in bf16, {report.Rates.Fp32:N0} in fp32");
        screen.Line($"  memory     {Amount.Gigabytes(report.Memory)} GB may be used");
        screen.Line($"  disk       {Amount.Gigabytes(report.Disk)} GB free here");
        if (report.Planned is { } planned)
            screen.Line($"  fits       {(planned <= report.Memory ? "yes" : "no")}: the model that comes with Afina needs {Amount.Gigabytes(planned)} GB to be fine-tuned");
        screen.Line($"             LoRA on models of about {report.Largest.Bf16 / 1e9:0.#} B parameters, QLoRA on about {report.Largest.Nf4 / 1e9:0.#} B; afina plan says it exactly");
        if (report.Missing.Count > 0)
            Screen.Error($"no fast kernel here for {string.Join(", ", report.Missing)}: these run many times slower; please report it with the processor's name");
    }

    private static JsonObject Json(MachineReport report) => new()
    {
        ["processor"] = report.Processor,
        ["threads"] = report.Threads,
        ["features"] = new JsonObject(report.Features.Select(feature => KeyValuePair.Create(feature.Name, (JsonNode?)feature.Available))),
        ["kernels"] = report.Kernels,
        ["missing"] = new JsonArray([.. report.Missing.Select(name => (JsonNode)name)]),
        ["gflops"] = new JsonObject { ["bf16"] = Math.Round(report.Rates.Bf16, 1), ["fp32"] = Math.Round(report.Rates.Fp32, 1) },
        ["memory_bytes"] = report.Memory,
        ["disk_bytes"] = report.Disk,
        ["planned_bytes"] = report.Planned,
    };
}
