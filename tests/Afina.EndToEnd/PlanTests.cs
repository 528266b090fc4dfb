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

        Assert.Equal(memory.GetProperty("total").GetInt64(), ((string[])["weights", "adapter", "activations", "runtime"]).Sum(part => memory.GetProperty(part).GetInt64()));
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
}
