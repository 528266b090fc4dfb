using System.Text.Json;
using Xunit;

namespace Afina.EndToEnd;

public sealed class PlanTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public void The_parts_of_the_memory_add_up_and_nothing_is_written()
    {
        _tool.Rows("rows.jsonl", 8);
        var result = _tool.Run("plan", "rows.jsonl", "--base", Tool.TinyModel, "--output", "out", "--json").Succeeded();
        var memory = result.Json().GetProperty("memory");

        Assert.Equal(memory.GetProperty("total").GetInt64(), ((string[])["weights", "adapter", "activations", "evaluation", "data", "runtime"]).Sum(part => memory.GetProperty(part).GetInt64()));
        Assert.Contains("activations", result.Error);
        Assert.False(Directory.Exists(_tool["out"]));
    }

    [Theory]
    [InlineData("plan")]
    [InlineData("train")]
    public void What_does_not_fit_is_refused_with_what_would(string verb)
    {
        _tool.Rows("rows.jsonl", 8);
        var error = _tool.Run(verb, "rows.jsonl", "--memory", "20MB", "--output", "out").OnlyError();

        Assert.Contains("would fit", error);
        Assert.False(Directory.Exists(_tool["out"]));
    }

    [Theory]
    [InlineData("420MB", @"^sequence_len=\d+ would fit$")]
    [InlineData("150MB", @"or memory=\d+MB with quantize=nf4 and sequence_len=32$")]
    public void What_a_refusal_proposes_fits(string memory, string proposal)
    {
        var lines = Enumerable.Range(0, 6).Select(i => JsonSerializer.Serialize(new { text = string.Join(' ', Enumerable.Range(0, 700).Select(word => word * (i + 3))) }));
        File.WriteAllLines(_tool["long.jsonl"], lines);
        var error = _tool.Run("plan", "long.jsonl", "--memory", memory, "--output", "out").OnlyError();
        var advice = error[(error.IndexOf("may be used: ", StringComparison.Ordinal) + "may be used: ".Length)..];

        Assert.Matches(proposal, advice);
        string[] settings = [.. advice.Split(' ').Select(word => word.TrimEnd(',')).Where(word => word.Contains('='))];
        var json = _tool.Run(["plan", "long.jsonl", "--output", "out", "--json", .. settings.Any(setting => setting.StartsWith("memory=", StringComparison.Ordinal)) ? settings : [$"memory={memory}", .. settings]]).Succeeded().Json();
        Assert.Equal("layers", json.GetProperty("recomputation").GetString());
    }
}
