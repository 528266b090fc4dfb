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
        { "eval rows.jsonl --limits 3", 2, "--limits" },
        { "eval rows.jsonl --limit 0", 2, "--limit must be at least 1" },
        { "eval rows.jsonl --dtype int8", 2, "'int8' not recognized" },
        { "eval row.jsonl --base BASE", 1, "no such file: row.jsonl (did you mean rows.jsonl?)" },
        { "eval empty.jsonl --base BASE", 1, "empty.jsonl: the file has no rows" },
        { "eval wrong.jsonl --base BASE", 1, "wrong.jsonl:1: " },
        { "eval rows.jsonl --base nowhere", 1, "no such model: nowhere" },
        { "eval rows.jsonl --base rows.jsonl", 1, "rows.jsonl" },
        { "eval rows.jsonl --base BASE --adapter nowhere", 1, "nowhere" },
        { "eval rows.jsonl --base BASE --adapter BASE", 1, "this is a model, not an adapter" },
        { "eval rows.jsonl --base BASE --adapter OTHER", 1, "OTHER" },
        { "eval rows.jsonl --base BASE --labels", 1, "--labels needs" },
        { "eval rows.jsonl --base BASE --shots 50", 1, "50 shots are asked for" },
        { "quickstart --data nowhere", 1, "no such file: nowhere" },
        { "quickstart --data rows.jsonl", 1, "name the folder that has train.jsonl" },
        { "quickstart --data onlytrain --output out", 1, "no such file" },
        { "quickstart --output rows.jsonl", 1, "rows.jsonl" },
        { "quickstart --threads 0", 1, "--threads must be 1 to 1024" },
        { "quickstart --seed x", 2, "x" },
        { "chat --base nowhere", 1, "no such model: nowhere" },
        { "chat --base BASE --adapter nowhere", 1, "no such adapter: nowhere" },
        { "chat --base BASE --adapter OTHER", 1, "OTHER" },
        { "inspect nowhere", 1, "no such file: nowhere" },
        { "inspect onlytrain", 1, "neither a model" },
        { "inspect empty.jsonl", 1, "empty.jsonl: the file has no rows" },
        { "inspect junk.gguf", 1, "junk.gguf" },
        { "inspect junk.safetensors", 1, "junk.safetensors" },
        { "doctor --what", 2, "--what" },
        { "train row.jsonl --base BASE", 1, "no such file: row.jsonl (did you mean rows.jsonl?)" },
        { "train empty.jsonl --base BASE", 1, "empty.jsonl" },
        { "train rows.jsonl lora_rr=3 --base BASE", 2, "lora_rr" },
        { "train rows.jsonl --base BASE --output rows.jsonl", 1, "this is a file" },
        { "plan row.jsonl --base BASE", 1, "no such file: row.jsonl" },
        { "generate hello --base nowhere", 1, "no such model: nowhere" },
        { "generate hello --base BASE --adapter OTHER", 1, "OTHER" },
        { "merge nowhere --base BASE --output merged", 1, "nowhere" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Bad_input_gets_one_line(string line, int code, string words)
    {
        _tool.Rows("rows.jsonl", 8);
        Directory.CreateDirectory(_tool["onlytrain"]);
        _tool.Rows(Path.Combine("onlytrain", "train.jsonl"), 3);
        File.WriteAllText(_tool["empty.jsonl"], "");
        File.WriteAllText(_tool["wrong.jsonl"], "{\"prompt\": \"a\"\n");
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
