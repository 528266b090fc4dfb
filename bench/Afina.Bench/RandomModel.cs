using System.Globalization;
using System.Text.Json.Nodes;
using Afina.Engine.Execution;
using Afina.Engine.Tensors;
using Afina.Formats.HuggingFace;
using Afina.Formats.Safetensors;
using Afina.Models;
using Afina.Models.Families;
using Afina.Runs;

namespace Afina.Bench;

/// <summary>Writes a model of random weights as a Hugging Face folder, to measure speed and memory at a size without its files. Never holds
/// more than a few rows of it.</summary>
internal static class RandomModel
{
    private const double Deviation = 0.02;

    private static readonly Dictionary<string, string> Shapes = new(StringComparer.Ordinal)
    {
        ["llama-3.2-1b"] = """
            {
              "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16",
              "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
              "vocab_size": 128256, "tie_word_embeddings": true, "rms_norm_eps": 1e-05, "hidden_act": "silu", "attention_bias": false, "mlp_bias": false,
              "max_position_embeddings": 131072, "rope_theta": 500000.0,
              "rope_scaling": { "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192 }
            }
            """,
        ["llama-3.2-3b"] = """
            {
              "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16",
              "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 28, "num_attention_heads": 24, "num_key_value_heads": 8, "head_dim": 128,
              "vocab_size": 128256, "tie_word_embeddings": true, "rms_norm_eps": 1e-05, "hidden_act": "silu", "attention_bias": false, "mlp_bias": false,
              "max_position_embeddings": 131072, "rope_theta": 500000.0,
              "rope_scaling": { "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192 }
            }
            """,
    };

    public static int Run(string[] arguments)
    {
        string? json = null, output = null;
        ulong seed = 0;
        for (var i = 0; i < arguments.Length - 1; i += 2)
        {
            var value = arguments[i + 1];
            switch (arguments[i])
            {
                case "--config": json = File.ReadAllText(value); break;
                case "--shape": json = Shapes.GetValueOrDefault(value) ?? throw new ArgumentException($"there is no shape {value}; there are {string.Join(", ", Shapes.Keys)}"); break;
                case "--output": output = value; break;
                case "--seed": seed = ulong.Parse(value, CultureInfo.InvariantCulture); break;
                default: throw new ArgumentException($"unknown option {arguments[i]}");
            }
        }

        Write(json ?? throw new ArgumentException("give --shape or --config"), output ?? throw new ArgumentException("give --output"), seed);
        return 0;
    }

    private static void Write(string json, string folder, ulong seed)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, "config.json");
        File.WriteAllText(path, JsonNode.Parse(json)!.ToString());
        var reader = ConfigReader.Open(path);
        var tensors = Tensors(Family.Of(reader).Read(reader), seed).ToList();
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), tensors);
        using (var model = LanguageModel.Open(BaseModels.Embedded()))
            model.Tokenizer.Save(folder);
        using var written = LanguageModel.Open(folder);
        Console.WriteLine($"{folder}: {written.Decoder.ParameterCount:N0} parameters, {tensors.Sum(tensor => tensor.Bytes):N0} bytes");
    }

    private static IEnumerable<SafetensorsSource> Tensors(DecoderConfig config, ulong seed)
    {
        var module = 0;
        yield return Matrix("model.embed_tokens", config.VocabularySize, config.HiddenSize);
        if (!config.TiedHead)
            yield return Matrix("lm_head", config.VocabularySize, config.HiddenSize);
        yield return Ones("model.norm", config.HiddenSize);
        var (queries, keys) = (config.Heads * config.HeadDim, config.KeyValueHeads * config.HeadDim);
        for (var layer = 0; layer < config.Layers.Count; layer++)
        {
            var name = $"model.layers.{layer}.";
            yield return Ones(name + "input_layernorm", config.HiddenSize);
            yield return Ones(name + "post_attention_layernorm", config.HiddenSize);
            foreach (var (part, rows, columns) in ((string, int, int)[])[
                ("self_attn.q_proj", queries, config.HiddenSize), ("self_attn.k_proj", keys, config.HiddenSize), ("self_attn.v_proj", keys, config.HiddenSize), ("self_attn.o_proj", config.HiddenSize, queries),
                ("mlp.gate_proj", config.IntermediateSize, config.HiddenSize), ("mlp.up_proj", config.IntermediateSize, config.HiddenSize), ("mlp.down_proj", config.HiddenSize, config.IntermediateSize)])
            {
                yield return Matrix(name + part, rows, columns);
                var biased = part.StartsWith("mlp.", StringComparison.Ordinal) ? config.FeedForwardBias : part.EndsWith("o_proj", StringComparison.Ordinal) ? config.OutputBias : config.AttentionBias;
                if (biased)
                    yield return Ones(name + part, rows, "bias");
            }
        }

        SafetensorsSource Matrix(string name, int rows, int columns)
        {
            var key = CounterRandom.Mix(seed + (ulong)module++);
            return SafetensorsSource.From(name + ".weight", rows, columns, (start, to) => Fill(key + (ulong)start, to), DType.BF16);
        }

        static SafetensorsSource Ones(string name, int count, string kind = "weight") =>
            SafetensorsSource.From($"{name}.{kind}", [count], Enumerable.Repeat(kind == "bias" ? 0f : 1f, count).ToArray(), DType.BF16);
    }

    /// <summary>Sums of four uniform numbers of 16 bits: near enough to normal ones, and quick.</summary>
    private static void Fill(ulong key, Span<float> values)
    {
        // The sum of four numbers uniform in [0, 65536) has the deviation 65536 / √3.
        var scale = (float)(Deviation * Math.Sqrt(3) / 65536);
        for (var i = 0; i < values.Length; i++)
        {
            var bits = CounterRandom.Mix(key + (ulong)i);
            var sum = (int)((bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48));
            values[i] = (sum - 131_070) * scale;
        }
    }
}
