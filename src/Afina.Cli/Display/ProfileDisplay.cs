using System.Globalization;
using System.Text.Json.Nodes;
using Afina.Runs;

namespace Afina.Cli.Display;

/// <summary>--profile and --trace: the table of operations, and the file of single runs.</summary>
/// <param name="shows">Whether the table is shown.</param>
/// <param name="trace">The file to write, or null.</param>
/// <param name="last">The program that ends a step.</param>
/// <param name="unit">What a step is called.</param>
internal sealed class ProfileDisplay(bool shows, string? trace, string last = "update", string unit = "step")
{
    private const double LeastShare = 0.0005;

    /// <summary>What measures; null where nothing is asked for.</summary>
    public RunProfile? Taken { get; } = shows || trace is not null ? new RunProfile(trace is not null) { Last = last } : null;

    /// <summary>Shows the table, writes the file, and adds both to the object of --json.</summary>
    public void Show(Screen screen, ProfileReport? report, JsonObject result)
    {
        if (Taken is not null && trace is not null)
        {
            TraceFile.Write(trace, Taken);
            screen.Line($"  trace    {trace} (open it in chrome://tracing or ui.perfetto.dev)");
        }

        if (report is null || !shows)
            return;
        Table(screen, report);
        result["step_seconds"] = report.StepSeconds;
        result["operations"] = new JsonArray([.. report.Rows.Select(row => (JsonNode)new JsonObject
        {
            ["operation"] = row.Operation,
            ["nodes"] = row.Nodes,
            ["seconds"] = row.Seconds,
            ["flops"] = row.Flops,
            ["bytes"] = row.Bytes,
            ["share_of_limit"] = row.ShareOfLimit,
        })]);
    }

    private void Table(Screen screen, ProfileReport report)
    {
        screen.Line();
        screen.Line(string.Create(CultureInfo.InvariantCulture, $"  where a {unit} of {report.StepSeconds * 1000:F1} ms went (mean of {report.Steps}); limits: {report.PeakFlops / 1e9:N0} GFLOP/s, {report.PeakBandwidth / 1e9:F0} GB/s"));
        var isNarrow = screen.Width < 76;
        screen.Line(isNarrow ? $"  {"ms",7} {"share",5} operation" : $"  {"operation",-30} {"nodes",5}  {"ms",9}  {"share",6}  {"rate",12}  of limit");
        foreach (var row in report.Rows.Where(row => row.Seconds >= LeastShare * report.StepSeconds))
            Row(row.Operation, row.Nodes, row.Seconds, Rate(row, report), row.ShareOfLimit);
        if (report.BetweenSeconds >= LeastShare * report.StepSeconds)
            Row("(between the programs)", null, report.BetweenSeconds, "", null);

        void Row(string name, int? nodes, double seconds, string rate, double? limit)
        {
            var share = report.StepSeconds > 0 ? seconds / report.StepSeconds : 0;
            var (milliseconds, percent, of) = ((seconds * 1000).ToString("F2", CultureInfo.InvariantCulture), Percent(share), limit is { } value ? Percent(value) : "");
            screen.Line((isNarrow ? $"  {milliseconds,7} {percent,5} {name}" : $"  {name,-30} {nodes,5}  {milliseconds,9}  {percent,6}  {rate,12}  {of,8}").TrimEnd());
        }
    }

    /// <summary>The rate of what limits it: products, or the bytes that come from memory.</summary>
    private static string Rate(ProfileRow row, ProfileReport report) => row.Flops * report.PeakBandwidth > row.Bytes * report.PeakFlops
        ? string.Create(CultureInfo.InvariantCulture, $"{row.Flops / row.Seconds / 1e9:N0} GFLOP/s")
        : string.Create(CultureInfo.InvariantCulture, $"{row.Bytes / row.Seconds / 1e9:F1} GB/s");

    private static string Percent(double share) => (share * 100).ToString(share >= 0.0995 ? "F0" : "F1", CultureInfo.InvariantCulture) + " %";
}
