using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;
using Afina.Engine.Execution;
using Afina.Models;
using Afina.Runs;

namespace Afina.Bench.Scenarios;

/// <summary>`afina-bench scenario NAME`: a warm-up of both ways, then seven turns (or --turns) each; the median ratio counts.</summary>
/// <remarks>On a machine that others use, the ratio by processor time says more than the one by the clock.</remarks>
internal static class ScenarioRunner
{
    private static readonly Dictionary<string, Scenario> Scenarios = Assembly.GetExecutingAssembly().GetTypes()
        .Where(type => type.IsSubclassOf(typeof(Scenario)) && !type.IsAbstract)
        .Select(type => (Scenario)Activator.CreateInstance(type)!)
        .ToDictionary(scenario => scenario.Name, StringComparer.Ordinal);

    public static int Run(string[] arguments)
    {
        if (arguments is not [var name, ..] || !Scenarios.TryGetValue(name, out var scenario))
        {
            Console.Error.WriteLine("usage: afina-bench scenario NAME [--model PATH] [--data PATH] [--threads N] [--turns N] [--json]");
            foreach (var known in Scenarios.Values.OrderBy(known => known.Name, StringComparer.Ordinal))
                Console.Error.WriteLine($"  {known.Name,-16} {known.Summary}");
            return 2;
        }

        var threads = Number(arguments, "--threads", Environment.ProcessorCount);
        using var language = LanguageModel.Open(Text(arguments, "--model") ?? BaseModels.Embedded());
        using var team = new Team(threads);
        var context = new ScenarioContext(new WeightConversion(WeightFormat.Bf16).Apply(language.Decoder), language, team, Text(arguments, "--data"));
        var (subject, baseline) = scenario.Prepare(context);
        using (subject)
        using (baseline)
            Report(scenario, subject, baseline, Number(arguments, "--turns", 7), Array.IndexOf(arguments, "--json") >= 0);
        return 0;
    }

    private static void Report(Scenario scenario, Side subject, Side baseline, int count, bool json)
    {
        Measure(subject);
        Measure(baseline);
        var turns = Enumerable.Range(0, count).Select(_ => (Subject: Measure(subject), Baseline: Measure(baseline))).ToArray();
        var ratio = Median(turns.Select(turn => turn.Subject.PerSecond / turn.Baseline.PerSecond));
        var byProcessor = Median(turns.Select(turn => turn.Subject.PerProcessorSecond / turn.Baseline.PerProcessorSecond));
        if (json)
        {
            Console.WriteLine(new JsonObject
            {
                ["scenario"] = scenario.Name,
                ["unit"] = scenario.Unit,
                ["bar"] = scenario.Bar,
                ["ratio"] = ratio,
                ["ratio_by_processor_time"] = byProcessor,
                [subject.Name] = new JsonArray([.. turns.Select(turn => (JsonNode)turn.Subject.PerSecond)]),
                [baseline.Name] = new JsonArray([.. turns.Select(turn => (JsonNode)turn.Baseline.PerSecond)]),
            }.ToJsonString());
            return;
        }

        Console.WriteLine(scenario.Summary);
        foreach (var (mine, other) in turns)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {subject.Name} {mine.PerSecond,8:F1} {scenario.Unit}/s   {baseline.Name} {other.PerSecond,8:F1} {scenario.Unit}/s   ratio {mine.PerSecond / other.PerSecond:F3}   by processor time {mine.PerProcessorSecond / other.PerProcessorSecond:F3}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  median ratio {ratio:F3} (bar {scenario.Bar:F2}), by processor time {byProcessor:F3}"));
    }

    private static (double PerSecond, double PerProcessorSecond) Measure(Side side)
    {
        var processor = Environment.CpuUsage.TotalTime;
        var started = Stopwatch.GetTimestamp();
        var units = side.Run();
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return (units / seconds, units / (Environment.CpuUsage.TotalTime - processor).TotalSeconds);
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static string? Text(string[] arguments, string name)
    {
        var at = Array.IndexOf(arguments, name);
        return at >= 0 && at + 1 < arguments.Length ? arguments[at + 1] : null;
    }

    private static int Number(string[] arguments, string name, int otherwise) =>
        Text(arguments, name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
