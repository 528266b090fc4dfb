using System.Text.Json;
using Xunit;

namespace Afina.EndToEnd;

/// <summary><c>afina quickstart</c> as a process, short: three steps and a few rows. Its figures are in the notes, not in a test.</summary>
public sealed class QuickstartTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public void It_measures_trains_and_measures_again_and_says_where_the_adapter_is()
    {
        Directory.CreateDirectory(_tool["data"]);
        _tool.Rows(Path.Combine("data", "train.jsonl"), 12);
        _tool.Rows(Path.Combine("data", "valid.jsonl"), 4);

        var outcome = _tool.Run("quickstart", "--data", "data", "--base", Tool.TinyModel, "--max-steps", "3", "--limit", "2", "--output", "out", "--dtype", "fp32", "--json").Succeeded();
        var json = outcome.Json();

        foreach (var name in (string[])["exact_match", "loss", "few_shot_exact_match"])
            Assert.Equal(JsonValueKind.Number, json.GetProperty("before").GetProperty(name).ValueKind);
        foreach (var name in (string[])["exact_match", "loss"])
            Assert.Equal(JsonValueKind.Number, json.GetProperty("after").GetProperty(name).ValueKind);
        foreach (var name in (string[])["seconds", "tokens", "tokens_per_second", "peak_bytes", "planned_bytes"])
            Assert.True(json.GetProperty("train").GetProperty(name).GetDouble() > 0, name);
        Assert.Equal("out", json.GetProperty("adapter").GetString());
        Assert.True(File.Exists(_tool[Path.Combine("out", "adapter_model.safetensors")]));
        Assert.Contains("⟦", outcome.Error);
        Assert.Contains("afina chat --adapter out", outcome.Error);
    }

    [Fact]
    public void Over_four_bits_it_does_the_same()
    {
        Directory.CreateDirectory(_tool["data"]);
        _tool.Rows(Path.Combine("data", "train.jsonl"), 8);
        _tool.Rows(Path.Combine("data", "valid.jsonl"), 3);

        var json = _tool.Run("quickstart", "--qlora", "--data", "data", "--base", Tool.TinyModel, "--max-steps", "1", "--limit", "2", "--dtype", "fp32", "--json").Succeeded().Json();

        Assert.Equal(Path.Combine("runs", "quickstart"), json.GetProperty("adapter").GetString());
    }
}
