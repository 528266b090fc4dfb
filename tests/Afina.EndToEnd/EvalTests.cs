using Xunit;

namespace Afina.EndToEnd;

/// <summary><c>afina eval</c> as a process.</summary>
public sealed class EvalTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public void The_loss_is_the_trainers_held_out_loss_for_base_and_adapter()
    {
        _tool.Rows("train.jsonl", 12);
        _tool.Rows("valid.jsonl", 5);
        var trained = _tool.Run("train", "train.jsonl", "--base", Tool.TinyModel, "--output", "out", "--max-steps", "3", "--micro-batch-size", "4", "--dtype", "fp32", "--test-datasets", "valid.jsonl", "--json").Succeeded().Json();

        var measured = _tool.Run("eval", "valid.jsonl", "--base", Tool.TinyModel, "--adapter", "out", "--dtype", "fp32", "--json").Succeeded().Json();

        Assert.Equal(trained.GetProperty("held_out_loss_before").GetDouble(), measured.GetProperty("base").GetProperty("loss").GetDouble(), 1e-6);
        Assert.Equal(trained.GetProperty("held_out_loss").GetDouble(), measured.GetProperty("adapter").GetProperty("loss").GetDouble(), 1e-6);
        Assert.Equal(5, measured.GetProperty("adapter").GetProperty("rows").GetInt32());
        foreach (var name in (string[])["perplexity", "exact_match", "accuracy", "intervals"])
            Assert.True(measured.GetProperty("base").TryGetProperty(name, out _), name);
    }

    [Fact]
    public void A_pipe_gets_a_table_without_colour_codes()
    {
        _tool.Rows("valid.jsonl", 4);

        var outcome = _tool.Run("eval", "valid.jsonl", "--base", Tool.TinyModel, "--dtype", "fp32", "--max-new-tokens", "4").Succeeded();

        Assert.Contains("exact match", outcome.Output);
        Assert.DoesNotContain('\u001b', outcome.Output);
    }
}
