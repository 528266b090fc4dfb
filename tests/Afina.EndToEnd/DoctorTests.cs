using Xunit;

namespace Afina.EndToEnd;

/// <summary><c>afina doctor</c> and <c>afina</c> alone as processes.</summary>
public sealed class DoctorTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public void Every_operation_of_a_training_has_a_fast_kernel_here()
    {
        var json = _tool.Run("doctor", "--threads", "1", "--json").Succeeded().Json();

        Assert.Equal(0, json.GetProperty("missing").GetArrayLength());
        Assert.True(json.GetProperty("gflops").GetProperty("fp32").GetDouble() > 0);
        Assert.True(json.GetProperty("planned_bytes").GetInt64() > 100_000_000);
    }

    [Fact]
    public void Without_a_verb_one_screen_says_what_there_is()
    {
        var outcome = _tool.Run().Succeeded();

        foreach (var verb in (string[])["quickstart", "doctor", "plan", "train", "eval", "chat", "generate", "merge", "inspect"])
            Assert.Contains($" {verb} ", outcome.Output);
        Assert.True(outcome.Output.Split('\n').Length <= 24, outcome.Output);
        Assert.All(outcome.Output.Split('\n'), line => Assert.True(line.Length <= 110, line));
    }
}
