using System.Text.Json;
using Xunit;

namespace Afina.EndToEnd;

public sealed class MergeTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public void A_merged_folder_answers_as_base_and_adapter_do()
    {
        _tool.Rows("rows.jsonl", 12);
        _tool.Run("train", "rows.jsonl", "--base", Tool.TinyModel, "max_steps=30", "--output", "out", "--quiet").Succeeded();
        var json = _tool.Run("merge", "out", "--output", "merged", "--json").Succeeded().Json();
        string[] ask = ["generate", "What is 3 and 10?", "--raw", "--dtype", "fp32", "--max-new-tokens", "10"];

        Assert.Equal("fp32", json.GetProperty("dtype").GetString());
        Assert.Equal(_tool.Run([.. ask, "--adapter", "out"]).Succeeded().Output, _tool.Run([.. ask, "--base", "merged"]).Succeeded().Output);
        Assert.True(File.Exists(_tool["merged/tokenizer.json"]));
    }

    [Fact]
    public void A_base_alone_is_written_in_another_type_and_an_existing_folder_is_left_alone()
    {
        _tool.Run("merge", "--base", Tool.TinyModel, "--output", "half", "--dtype", "bf16").Succeeded();

        Assert.Equal("bfloat16", JsonDocument.Parse(File.ReadAllText(_tool["half/config.json"])).RootElement.GetProperty("dtype").GetString());
        Assert.Contains("--overwrite", _tool.Run("merge", "--base", Tool.TinyModel, "--output", "half").OnlyError());
        _tool.Run("merge", "--base", Tool.TinyModel, "--output", "half", "--overwrite").Succeeded();
        Assert.Contains("no such adapter", _tool.Run("merge", "nothing", "--output", "other").OnlyError());
        Assert.False(Directory.Exists(_tool["other"]));
        _tool.Run("merge").OnlyError(2);
    }
}
