using System.Text.Json;
using Xunit;

namespace Afina.EndToEnd;

/// <summary><c>--profile</c> and <c>--trace</c>: the table adds up, the events lie in each other.</summary>
public sealed class ProfileTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public void The_operations_of_a_training_make_up_its_step_and_the_trace_nests()
    {
        _tool.Rows("rows.jsonl", 24);

        var outcome = _tool.Run("train", "rows.jsonl", "--base", Tool.TinyModel, "--output", "out", "--max-steps", "4", "--val-set-size", "4", "--dtype", "fp32", "--profile", "--trace", "trace.json", "--json").Succeeded();

        Adds(outcome.Json());
        Assert.Contains("LowRankGradient", outcome.Error);
        Assert.Contains("(held-out rows)", outcome.Error);
        Nests(4);
    }

    [Fact]
    public void Benchmarks_have_both_too()
    {
        Adds(_tool.Run("bench", "train", "--base", Tool.TinyModel, "--dtype", "fp32", "--quantize", "none", "--sequences", "2", "--length", "32", "--steps", "3", "--profile", "--trace", "trace.json", "--json").Succeeded().Json());
        Nests(3);

        Adds(_tool.Run("bench", "decode", "--base", Tool.TinyModel, "--dtype", "fp32", "--profile", "--trace", "trace.json", "--json").Succeeded().Json());
        Nests(20);
    }

    [Fact]
    public void Without_them_nothing_is_measured()
    {
        _tool.Rows("rows.jsonl", 8);
        var json = _tool.Run("train", "rows.jsonl", "--base", Tool.TinyModel, "--output", "out", "--max-steps", "1", "--json").Succeeded().Json();

        Assert.False(json.TryGetProperty("operations", out _));
    }

    private static void Adds(JsonElement json)
    {
        var step = json.GetProperty("step_seconds").GetDouble();
        var rows = json.GetProperty("operations").EnumerateArray().Where(row => !row.GetProperty("operation").GetString()!.StartsWith('(')).ToList();
        var sum = rows.Sum(row => row.GetProperty("seconds").GetDouble());
        Assert.True(step > 0 && sum > 0 && sum <= step * 1.001, $"operations {sum} s, step {step} s");
        Assert.All(rows, row => Assert.True(row.GetProperty("seconds").GetDouble() > 0 && row.GetProperty("bytes").GetDouble() > 0, row.ToString()));
        Assert.Contains(rows, row => row.GetProperty("operation").GetString() == "Linear" && row.GetProperty("flops").GetDouble() > 0);
    }

    private void Nests(int steps)
    {
        var events = JsonDocument.Parse(File.ReadAllText(_tool["trace.json"])).RootElement.GetProperty("traceEvents").EnumerateArray()
            .Select(one => (Name: one.GetProperty("name").GetString()!, Kind: one.GetProperty("cat").GetString()!, Start: one.GetProperty("ts").GetDouble(), End: one.GetProperty("ts").GetDouble() + one.GetProperty("dur").GetDouble())).ToList();
        Assert.All(events, one => Assert.True(one.Start >= 0 && one.End > one.Start, one.ToString()));
        Assert.Equal(steps, events.Count(one => one.Kind == "step"));
        var programs = events.Where(one => one.Kind == "program").OrderBy(one => one.Start).ToList();
        var all = events.Where(one => one.Kind == "step").ToList();
        Assert.All(programs, program => Assert.Contains(all, step => Within(program.Start, program.End, step.Start, step.End)));
        var operations = events.Where(one => one.Kind is not ("step" or "program")).ToList();
        Assert.NotEmpty(operations);
        var starts = programs.Select(program => program.Start).ToList();
        Assert.All(operations, operation =>
        {
            var at = starts.BinarySearch(operation.Start + 0.01);
            var program = programs[at >= 0 ? at : Math.Max(~at - 1, 0)];
            Assert.True(Within(operation.Start, operation.End, program.Start, program.End), $"{operation} is not in {program}");
        });

        // Times are written to the nanosecond.
        static bool Within(double start, double end, double from, double to) => start >= from - 0.01 && end <= to + 0.01;
    }
}
