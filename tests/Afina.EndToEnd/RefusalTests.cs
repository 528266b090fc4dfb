using Xunit;

namespace Afina.EndToEnd;

/// <summary>Bad input through every verb: one line on standard error that says what is wrong, and a code that is not 0.</summary>
public sealed class RefusalTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    /// <summary>A command line, the code, and words of the one line. BASE is the tiny model, OTHER another one's adapter.</summary>
    public static TheoryData<string, int, string> Cases => new()
    {
        { "evall", 2, "unknown verb evall (did you mean eval?)" },

        { "eval", 2, "Required argument 'data' missing" },
        { "eval row.jsonl --base BASE", 1, "no such file: row.jsonl (did you mean rows.jsonl?)" },
        { "eval wrong.jsonl --base BASE", 1, "wrong.jsonl:1: " },
        { "eval empty.jsonl --base BASE", 1, "empty.jsonl: the file has no rows" },
        { "eval rows.jsonl --limits 3", 2, "--limits" },
        { "eval rows.jsonl --limit 0", 2, "--limit must be at least 1" },
        { "eval rows.jsonl --dtype int8", 2, "'int8' not recognized" },
        { "eval rows.jsonl --base nowhere", 1, "no such model: nowhere" },
        { "eval rows.jsonl --base rows.jsonl", 1, "rows.jsonl" },
        { "eval rows.jsonl --base BASE --adapter nowhere", 1, "nowhere" },
        { "eval rows.jsonl --base BASE --adapter BASE", 1, "this is a model, not an adapter" },
        { "eval rows.jsonl --base BASE --adapter OTHER", 1, "the adapter was made for another model" },
        { "eval rows.jsonl --adapter OTHER", 1, "OTHER: the adapter was trained over another/base, which is not here: name the model's folder or file with --base" },
        { "eval rows.jsonl --base BASE --labels", 1, "--labels needs" },
        { "eval rows.jsonl --base BASE --shots 50", 1, "50 shots are asked for" },

        { "quickstart --data nowhere", 1, "no such file: nowhere" },
        { "quickstart --data rows.jsonl", 1, "name the folder that has train.jsonl" },
        { "quickstart --data onlytrain --output out", 1, "no such file" },
        { "quickstart --data broken --output out --base BASE", 1, "train.jsonl:1: " },
        { "quickstart --data void --output out --base BASE", 1, "train.jsonl: the file has no rows" },
        { "quickstart --what", 2, "--what" },
        { "quickstart --output rows.jsonl", 1, "rows.jsonl" },
        { "quickstart --threads 0", 1, "--threads must be 1 to 1024" },
        { "quickstart --seed x", 2, "x" },
        { "quickstart --base nowhere", 1, "no such model: nowhere" },

        { "chat --base nowhere", 1, "no such model: nowhere" },
        { "chat --base junk.gguf", 1, "junk.gguf" },
        { "chat --base empty.jsonl", 1, "empty.jsonl" },
        { "chat --what", 2, "--what" },
        { "chat --base BASE --adapter nowhere", 1, "no such adapter: nowhere" },
        { "chat --base BASE --adapter OTHER", 1, "the adapter was made for another model" },
        { "chat --adapter OTHER", 1, "trained over another/base, which is not here" },

        { "inspect nowhere", 1, "no such file: nowhere" },
        { "inspect onlytrain", 1, "neither a model" },
        { "inspect empty.jsonl", 1, "empty.jsonl: the file has no rows" },
        { "inspect junk.gguf", 1, "junk.gguf" },
        { "inspect junk.safetensors", 1, "junk.safetensors" },
        { "inspect rows.jsonl --what", 2, "--what" },

        { "doctor --what", 2, "--what" },
        { "doctor --threads 0", 1, "--threads must be 1 to 1024" },

        { "train", 2, "there are no rows to train on" },
        { "train row.jsonl --base BASE", 1, "no such file: row.jsonl (did you mean rows.jsonl?)" },
        { "train wrong.jsonl --base BASE", 1, "wrong.jsonl:1: " },
        { "train empty.jsonl --base BASE", 1, "empty.jsonl" },
        { "train nowhere.yaml", 1, "no such file: nowhere.yaml" },
        { "train wrong.yaml", 1, "wrong.yaml:2" },
        { "train rows.jsonl --lora-rr 3", 2, "--lora-rr (did you mean --lora-r?)" },
        { "train rows.jsonl lora_rr=3 --base BASE", 2, "unknown setting lora_rr (did you mean lora_r?)" },
        { "train rows.jsonl lora_r=x --base BASE", 2, "lora_r" },
        { "train rows.jsonl --base nowhere", 1, "no such model: nowhere" },
        { "train rows.jsonl --base junk.gguf", 1, "junk.gguf" },
        { "train rows.jsonl --base BASE --output rows.jsonl", 1, "this is a file" },
        { "train rows.jsonl --base BASE --lora-model-dir OTHER --output out", 1, "the adapter was made for another model" },
        { "train rows.jsonl --base BASE --rl dpo", 1, "rows.jsonl:1: preference training (rl=dpo) needs rows with chosen and rejected answers" },
        { "train pairs.jsonl --base BASE", 1, "pairs.jsonl:1: rows with chosen and rejected answers are for preference training: set rl=dpo" },
        { "train pairs.jsonl --base BASE rl=kto", 2, "rl: there is dpo" },

        { "plan", 2, "there are no rows to train on" },
        { "plan pairs.jsonl --base BASE beta=0.2", 2, "rl_beta belongs to preference training; set rl=dpo too" },
        { "plan pairs.jsonl --base BASE rl=dpo train_on_inputs=true", 2, "train_on_inputs belongs to supervised fine-tuning" },
        { "plan pairs.jsonl --base BASE rl=dpo loss_type=robust label_smoothing=0.6", 2, "robust needs label_smoothing" },
        { "plan row.jsonl --base BASE", 1, "no such file: row.jsonl" },
        { "plan wrong.jsonl --base BASE", 1, "wrong.jsonl:1: " },
        { "plan empty.jsonl --base BASE", 1, "empty.jsonl" },
        { "plan rows.jsonl --what", 2, "--what" },
        { "plan rows.jsonl lora_rr=3 --base BASE", 2, "unknown setting lora_rr" },
        { "plan rows.jsonl --base BASE --lora-model-dir OTHER", 1, "the adapter was made for another model" },

        { "generate", 2, "there is no prompt" },
        { "generate hello --base nowhere", 1, "no such model: nowhere" },
        { "generate hello --base junk.gguf", 1, "junk.gguf" },
        { "generate --prompt-file nowhere --base BASE", 1, "no such file: nowhere" },
        { "generate --prompt-file empty.jsonl --base BASE --raw", 1, "the prompt is empty" },
        { "generate hello --what", 2, "--what" },
        { "generate hello --base BASE --max-new-tokens 0", 1, "max_new_tokens must be at least 1" },
        { "generate hello --base BASE --adapter OTHER", 1, "the adapter was made for another model" },
        { "generate hello --adapter OTHER", 1, "trained over another/base, which is not here" },

        { "merge OTHER", 2, "Option '--output' is required" },
        { "merge nowhere --base BASE --output merged", 1, "no such adapter: nowhere" },
        { "merge onlytrain --base BASE --output merged", 1, "onlytrain" },
        { "merge OTHER --base BASE --output merged", 1, "the adapter was made for another model" },
        { "merge OTHER --output merged", 1, "trained over another/base, which is not here" },
        { "merge --base junk.gguf --output merged", 1, "junk.gguf" },
        { "merge --base BASE --output merged --dtype int8", 1, "dtype must be fp32, bf16 or fp16" },
        { "merge --base BASE --output merged --what", 2, "--what" },
        { "merge --base BASE --output onlytrain", 1, "the folder has files in it already" },
        { "merge --base BASE --output rows.jsonl", 1, "this is a file" },

        { "bench", 2, "" },
        { "bench train --base nowhere", 1, "no such model: nowhere" },
        { "bench decode --base junk.gguf", 1, "junk.gguf" },
        { "bench train --what", 2, "--what" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Bad_input_gets_one_line(string line, int code, string words)
    {
        _tool.Rows("rows.jsonl", 8);
        _tool.Pairs("pairs.jsonl", 8);
        Directory.CreateDirectory(_tool["onlytrain"]);
        _tool.Rows(Path.Combine("onlytrain", "train.jsonl"), 3);
        File.WriteAllText(_tool["empty.jsonl"], "");
        File.WriteAllText(_tool["wrong.jsonl"], "{\"prompt\": \"a\"\n");
        File.WriteAllText(_tool["wrong.yaml"], "lora_r: 8\nlora_alhpa: 16\n");
        foreach (var (folder, text) in (ReadOnlySpan<(string, string)>)[("broken", "{\"prompt\": \"a\"\n"), ("void", "")])
        {
            Directory.CreateDirectory(_tool[folder]);
            File.WriteAllText(_tool[Path.Combine(folder, "train.jsonl")], text);
            _tool.Rows(Path.Combine(folder, "valid.jsonl"), 2);
        }

        File.WriteAllText(_tool["junk.gguf"], "junk that is no model");
        File.WriteAllText(_tool["junk.safetensors"], "junk that is no tensor file");
        var other = line.Contains("OTHER", StringComparison.Ordinal);
        if (other)
            AdapterOfAnotherBase();

        var outcome = _tool.Run([.. line.Split(' ').Select(word => word == "BASE" ? Tool.TinyModel : word)]);

        Assert.Contains(words, outcome.OnlyError(code));
    }

    [Fact]
    public void An_output_that_cannot_be_written_to_is_refused_before_anything_is_computed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "SKIPPED: /proc is of Linux");
        Directory.CreateDirectory(_tool["data"]);
        _tool.Rows(Path.Combine("data", "train.jsonl"), 3);
        _tool.Rows(Path.Combine("data", "valid.jsonl"), 3);

        Assert.Contains("cannot be written to", _tool.Run("quickstart", "--data", "data", "--output", "/proc/afina", "--base", Tool.TinyModel).OnlyError());
        Assert.Contains("cannot be written to", _tool.Run("train", "data/train.jsonl", "--output", "/proc/afina", "--base", Tool.TinyModel).OnlyError());
    }

    /// <summary>Settings and tensors of a layer that the tiny model does not have.</summary>
    private void AdapterOfAnotherBase()
    {
        Directory.CreateDirectory(_tool["OTHER"]);
        File.WriteAllText(_tool[Path.Combine("OTHER", "adapter_config.json")], "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4, \"target_modules\": [\"q_proj\"], \"task_type\": \"CAUSAL_LM\", \"base_model_name_or_path\": \"another/base\"}");
        const string header = "{\"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},\"base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[16,32]}}";
        using var stream = File.Create(_tool[Path.Combine("OTHER", "adapter_model.safetensors")]);
        stream.Write(BitConverter.GetBytes((long)header.Length));
        stream.Write(System.Text.Encoding.ASCII.GetBytes(header));
        stream.Write(new byte[32]);
    }
}
