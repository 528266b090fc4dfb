using System.Text.Json;
using Xunit;

namespace Afina.EndToEnd;

public sealed class TrainTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public void A_recipe_and_settings_make_an_adapter_with_tokenizer_card_and_metrics()
    {
        _tool.Rows("rows.jsonl", 24);
        File.WriteAllText(_tool["recipe.yaml"], $"""
            base_model: {Tool.TinyModel}
            adapter: lora
            lora_r: 8
            lora_alpha: 16
            lora_target_modules: [q_proj, v_proj]
            datasets:
              - path: rows.jsonl
            val_set_size: 4
            micro_batch_size: 4
            num_epochs: 2
            wandb_project:
            """);
        var result = _tool.Run("train", "recipe.yaml", "lora_r=4", "--output", "out", "--json").Succeeded();

        var json = result.Json();
        Assert.Equal(("complete", 4, 20, 4, 10), (json.GetProperty("end").GetString(), json.GetProperty("lora_r").GetInt32(), json.GetProperty("examples").GetInt32(), json.GetProperty("held_out").GetInt32(), json.GetProperty("steps").GetInt32()));
        Assert.True(json.GetProperty("held_out_loss").GetDouble() < json.GetProperty("held_out_loss_before").GetDouble());
        Assert.Single(result.Output.TrimEnd().Split('\n'));
        Assert.Contains("trainable params: ", result.Error);
        Assert.DoesNotContain('\u001b', result.Error);
        foreach (var file in (string[])["adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "README.md", "metrics.jsonl"])
            Assert.True(File.Exists(_tool[$"out/{file}"]), file);
        Assert.Equal(Tool.TinyModel, JsonDocument.Parse(File.ReadAllText(_tool["out/adapter_config.json"])).RootElement.GetProperty("base_model_name_or_path").GetString());
        Assert.Equal(10, File.ReadLines(_tool["out/metrics.jsonl"]).Count(line => line.Contains("grad_norm")));
        Assert.Contains("| lora_r | 4 |", File.ReadAllText(_tool["out/README.md"]));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool.Folder, ".*"));
    }

    [Theory]
    [InlineData()]
    [InlineData("lora_dropout=0.1")]
    [InlineData("quantize=nf4", "micro_rows=80")]
    public void Pairs_of_answers_are_trained_and_measured(params string[] settings)
    {
        _tool.Pairs("pairs.jsonl", 24);
        var result = _tool.Run(["train", "pairs.jsonl", "--base", Tool.TinyModel, "rl=dpo", "rl_beta=0.2", "learning_rate=0.003", "val_set_size=4", "micro_batch_size=4", "num_epochs=3", "--output", "out", "--json", .. settings]).Succeeded();

        var json = result.Json();
        Assert.StartsWith("direct preference optimization", json.GetProperty("objective").GetString());
        Assert.Equal(Math.Log(2), json.GetProperty("held_out_loss_before").GetDouble(), 1e-12);
        Assert.True(json.GetProperty("held_out_loss").GetDouble() < 0.6);
        Assert.Matches(@"margin \d+\.\d+ +accuracy \d+ %", result.Error);
        var lines = File.ReadAllLines(_tool["out/metrics.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        foreach (var name in (string[])["rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins", "logps/chosen", "logps/rejected", "logits/chosen", "logits/rejected", "entropy", "mean_token_accuracy"])
        {
            Assert.True(lines.Single(line => line.TryGetProperty("grad_norm", out _) && line.GetProperty("step").GetInt32() == 1).TryGetProperty(name, out _), name);
            Assert.True(lines.First(line => line.TryGetProperty("eval_loss", out _)).TryGetProperty("eval_" + name, out _), name);
        }

        var card = File.ReadAllText(_tool["out/README.md"]);
        Assert.Contains("Trained by direct preference optimization (sigmoid, β = 0.2).", card);
        Assert.Contains("| rl_beta | 0.2 |", card);
        Assert.Contains("| held-out preference accuracy |", card);
    }

    [Theory]
    [InlineData("dtype=fp32")]
    [InlineData("dtype=bf16")]
    [InlineData("dtype=bf16", "quantize=nf4")]
    public void One_two_and_three_threads_make_the_same_adapter(params string[] settings)
    {
        _tool.Rows("rows.jsonl", 12);
        var adapters = new List<byte[]>();
        foreach (var threads in (string[])["1", "2", "3"])
        {
            _tool.Run(["train", "rows.jsonl", "--base", Tool.TinyModel, "--threads", threads, "--lora-dropout", "0.1", "micro_batch_size=3", "gradient_accumulation_steps=2", "max_steps=6", "--output", $"out{threads}", "--quiet", .. settings]).Succeeded();
            adapters.Add(File.ReadAllBytes(_tool[$"out{threads}/adapter_model.safetensors"]));
        }

        Assert.Equal(adapters[0], adapters[1]);
        Assert.Equal(adapters[0], adapters[2]);
    }

    [Fact]
    public void Training_goes_on_from_an_adapter()
    {
        _tool.Rows("rows.jsonl", 12);
        string[] common = ["train", "rows.jsonl", "--base", Tool.TinyModel, "max_steps=20", "--json"];
        var first = _tool.Run([.. common, "lora_r=4", "--output", "first"]).Succeeded().Json();
        var second = _tool.Run([.. common, "--lora-model-dir", "first", "--output", "second"]).Succeeded().Json();

        Assert.Equal(4, second.GetProperty("lora_r").GetInt32());
        Assert.True(second.GetProperty("loss").GetDouble() < first.GetProperty("loss").GetDouble());
    }

    [Theory]
    [InlineData("nf4")]
    [InlineData("fp4")]
    public void A_quantized_base_is_trained_over(string format)
    {
        _tool.Rows("rows.jsonl", 8);
        var json = _tool.Run("train", "rows.jsonl", "--base", Tool.TinyModel, $"quantize={format}", "max_steps=3", "--output", "out", "--json").Succeeded().Json();

        Assert.Equal(format.ToUpperInvariant(), json.GetProperty("stored").GetString());
    }

    [Fact]
    public void A_diverging_training_ends_in_one_line_and_keeps_the_state_before()
    {
        _tool.Rows("rows.jsonl", 12);
        var result = _tool.Run("train", "rows.jsonl", "--base", Tool.TinyModel, "learning_rate=1000", "max_grad_norm=0", "lr_scheduler=constant", "dtype=fp32", "max_steps=300", "save_steps=50", "--output", "out", "--quiet", "base_model_id=a/b");

        Assert.Contains("is not finite", result.OnlyError());
        Assert.NotEmpty(Directory.EnumerateDirectories(_tool["out"], "checkpoint-*"));
        Assert.False(File.Exists(_tool["out/adapter_model.safetensors"]));
    }

    [Fact]
    public void Wrong_settings_and_missing_files_are_one_line_with_a_suggestion()
    {
        _tool.Rows("support.jsonl", 4);
        File.WriteAllText(_tool["bad.yaml"], "base_model: x\nlora_r: 8\nlora_alhpa: 16\n");

        Assert.Equal("afina: unknown setting lora_rnak (did you mean lora_r?)", _tool.Run("train", "support.jsonl", "lora_rnak=8").OnlyError(2));
        Assert.Equal("afina: no such file: suport.jsonl (did you mean support.jsonl?)", _tool.Run("train", "suport.jsonl").OnlyError());
        Assert.Equal("afina: bad.yaml:3:1: unknown setting lora_alhpa (did you mean lora_alpha?)", _tool.Run("train", "bad.yaml").OnlyError());
        Assert.Contains("did you mean --lora-r?", _tool.Run("train", "support.jsonl", "--lora-rnak", "8").OnlyError(2));
        Assert.Contains("did you mean train?", _tool.Run("trian").OnlyError(2));
        Assert.Contains("no such model", _tool.Run("train", "support.jsonl", "--base", "nowhere").OnlyError());
        Assert.Contains("q_proj", _tool.Run("train", "support.jsonl", "--base", Tool.TinyModel, "lora_target_modules=[wrong_proj]").OnlyError());
    }

    [Fact]
    public void Bad_rows_and_places_that_cannot_be_written_leave_nothing_behind()
    {
        _tool.Rows("rows.jsonl", 4);
        File.AppendAllText(_tool["rows.jsonl"], "not json\n");

        Assert.Contains("rows.jsonl:5", _tool.Run("train", "rows.jsonl", "--base", Tool.TinyModel, "--output", "out").OnlyError());
        Assert.Contains("cannot be written to", _tool.Run("train", "rows.jsonl", "--base", Tool.TinyModel, "--skip-bad-rows", "--quiet", "base_model_id=a/b", "--output", "rows.jsonl/out").Error);
        Assert.Single(Directory.EnumerateFileSystemEntries(_tool.Folder));
    }

    [Fact]
    public void The_embedded_model_is_trained_without_naming_it()
    {
        File.Copy(Path.Combine(Tool.Checkout, "samples", "data", "first", "rows.jsonl"), _tool["rows.jsonl"]);
        var json = _tool.Run("train", "rows.jsonl", "max_steps=2", "micro_batch_size=4", "--output", "out", "--json").Succeeded().Json();

        Assert.Equal(2, json.GetProperty("step").GetInt32());
        Assert.Equal("HuggingFaceTB/SmolLM2-135M-Instruct", JsonDocument.Parse(File.ReadAllText(_tool["out/adapter_config.json"])).RootElement.GetProperty("base_model_name_or_path").GetString());
        Assert.Contains("b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", File.ReadAllText(_tool["out/README.md"]));

        // The adapter over the GGUF and the merged folder answer alike.
        _tool.Run("merge", "out", "--output", "merged", "--dtype", "fp32").Succeeded();
        string[] ask = ["generate", "Customer: Do you repair headphones?\nLarch & Volt:", "--raw", "--max-new-tokens", "8", "--dtype", "fp32", "--json"];
        var adapted = _tool.Run([.. ask, "--adapter", "out"]).Succeeded().Json().GetProperty("text").GetString();
        Assert.Equal(adapted, _tool.Run([.. ask, "--base", "merged"]).Succeeded().Json().GetProperty("text").GetString());
    }
}
