using Xunit;

namespace Afina.EndToEnd;

/// <summary><c>afina inspect</c> as a process.</summary>
public sealed class InspectTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public void It_knows_models_adapters_tensors_and_rows()
    {
        _tool.Rows("train.jsonl", 6);
        _tool.Run("train", "train.jsonl", "--base", Tool.TinyModel, "--output", "out", "--max-steps", "1", "--dtype", "fp32").Succeeded();

        Assert.Equal("model", Kind(Tool.TinyModel));
        Assert.Equal("adapter", Kind("out"));
        Assert.Equal("tensors", Kind(Path.Combine("out", "adapter_model.safetensors")));
        Assert.Equal("rows", Kind("train.jsonl"));
    }

    [Fact]
    public void A_model_is_drawn()
    {
        var outcome = _tool.Run("inspect", Tool.TinyModel).Succeeded();

        Assert.Contains("embedding", outcome.Output);
        Assert.Contains("query heads", outcome.Output);
    }

    private string Kind(string path) => _tool.Run("inspect", path, "--json").Succeeded().Json().GetProperty("kind").GetString()!;
}
