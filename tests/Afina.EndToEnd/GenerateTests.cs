using Xunit;

namespace Afina.EndToEnd;

public sealed class GenerateTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public void The_same_seed_draws_the_same_text_and_json_counts_its_tokens()
    {
        string[] ask = ["generate", "Hello", "--base", Tool.TinyModel, "--temperature", "0.8", "--top-k", "20", "--top-p", "0.95", "--seed", "7", "--max-new-tokens", "12", "--json"];
        var first = _tool.Run(ask).Succeeded();
        var json = first.Json();

        Assert.Equal(json.GetProperty("text").GetString(), _tool.Run(ask).Json().GetProperty("text").GetString());
        Assert.InRange(json.GetProperty("tokens").GetInt32(), 1, 12);
        Assert.Single(first.Output.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void Without_json_the_text_alone_is_written()
    {
        File.WriteAllText(_tool["prompt.txt"], "Hello");
        var file = _tool.Run("generate", "--prompt-file", "prompt.txt", "--base", Tool.TinyModel, "--max-new-tokens", "5").Succeeded();

        Assert.Equal((file.Output, ""), (_tool.Run("generate", "Hello", "--base", Tool.TinyModel, "--max-new-tokens", "5").Output, file.Error));
    }

    [Fact]
    public void Missing_prompts_wrong_options_and_strange_adapters_are_one_line()
    {
        _tool.Rows("rows.jsonl", 4);
        _tool.Run("train", "rows.jsonl", "--base", Tool.TinyModel, "max_steps=1", "--output", "tiny", "--quiet").Succeeded();
        File.Delete(_tool["tiny/tokenizer.json"]);

        _tool.Run("generate").OnlyError(2);
        Assert.Contains("top_p", _tool.Run("generate", "Hello", "--base", Tool.TinyModel, "--top-p", "2").OnlyError());
        Assert.Contains("no such adapter", _tool.Run("generate", "Hello", "--adapter", "tinny").OnlyError());
        Assert.Contains("another model", _tool.Run("generate", "Hello", "--base", Path.Combine(Tool.Checkout, "models", "SmolLM2-135M-Instruct"), "--adapter", "tiny").OnlyError());
    }
}
