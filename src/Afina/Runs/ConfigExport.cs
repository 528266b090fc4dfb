using System.Globalization;
using System.Text.Json;
using Afina.Engine.Tensors;
using Afina.Formats.HuggingFace;
using Afina.Models;

namespace Afina.Runs;

/// <summary>The config.json of a model: the folder's own with its changed type, or one that says what a GGUF file's metadata say.</summary>
internal static class ConfigExport
{
    /// <summary>config.json.</summary>
    /// <exception cref="NotSupportedException">A GGUF file says something that config.json cannot be made to say.</exception>
    public static ModelFile Config(LanguageModel model, DType type)
    {
        if (model.Config is { } config)
            return ExportedConfig.From(config, type);
        var decoder = model.Decoder.Config;
        var rope = Rope(model, decoder);
        return new ModelFile("config.json", stream => ModelFile.WriteIndented(stream, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("architectures");
            json.WriteStringValue(decoder.ModelType switch { "llama" => "LlamaForCausalLM", "mistral" => "MistralForCausalLM", "qwen2" => "Qwen2ForCausalLM", var other => char.ToUpperInvariant(other[0]) + other[1..] + "ForCausalLM" });
            json.WriteEndArray();
            json.WriteBoolean("attention_bias", decoder.AttentionBias && decoder.ModelType != "qwen2");
            Token(json, "bos_token_id", model.Tokenizer.BosId);
            json.WriteString("dtype", type switch { DType.F32 => "float32", DType.F16 => "float16", _ => "bfloat16" });
            Token(json, "eos_token_id", model.Tokenizer.EosId);
            json.WriteNumber("head_dim", decoder.HeadDim);
            json.WriteString("hidden_act", "silu");
            json.WriteNumber("hidden_size", decoder.HiddenSize);
            json.WriteNumber("intermediate_size", decoder.IntermediateSize);
            json.WriteNumber("max_position_embeddings", decoder.MaxPositions);
            json.WriteBoolean("mlp_bias", decoder.FeedForwardBias);
            json.WriteString("model_type", decoder.ModelType);
            json.WriteNumber("num_attention_heads", decoder.Heads);
            json.WriteNumber("num_hidden_layers", decoder.Layers.Count);
            json.WriteNumber("num_key_value_heads", decoder.KeyValueHeads);
            Token(json, "pad_token_id", model.Tokenizer.PadId);
            json.WriteNumber("rms_norm_eps", double.Parse(decoder.NormEpsilon.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture));
            json.WriteStartObject("rope_parameters");
            foreach (var (key, value) in rope)
            {
                if (value is string text)
                    json.WriteString(key, text);
                else
                    json.WriteNumber(key, Convert.ToDouble(value, CultureInfo.InvariantCulture));
            }

            json.WriteEndObject();
            // Older readers look for the base here.
            json.WriteNumber("rope_theta", decoder.Rotaries[0].Theta);
            json.WriteBoolean("tie_word_embeddings", decoder.TiedHead);
            json.WriteBoolean("use_cache", true);
            json.WriteNumber("vocab_size", decoder.VocabularySize);
            json.WriteEndObject();
        }));
    }

    /// <summary>generation_config.json, or null.</summary>
    public static ModelFile? Generation(LanguageModel model)
    {
        if (model.GenerationConfig is { } given)
            return ModelFile.From("generation_config.json", given);
        return model.Config is not null ? null : new ModelFile("generation_config.json", stream => ModelFile.WriteIndented(stream, json =>
        {
            json.WriteStartObject();
            Token(json, "bos_token_id", model.Tokenizer.BosId);
            Token(json, "eos_token_id", model.Tokenizer.EosId);
            Token(json, "pad_token_id", model.Tokenizer.PadId);
            json.WriteEndObject();
        }));
    }

    private static List<(string Key, object Value)> Rope(LanguageModel model, DecoderConfig decoder)
    {
        var rotary = decoder.Rotaries[0];
        List<(string, object)> settings = [("rope_theta", rotary.Theta)];
        if (rotary.LongFactors.Count > 0 && rotary.Type == "default")
        {
            var llama3 = rotary with { Type = "llama3", LongFactors = [], Factor = rotary.LongFactors.Max(), LowFrequencyFactor = 1, HighFrequencyFactor = 4, OriginalMaxPositions = 8192 };
            // The file has only the divisors; Llama 3's constants are tried, since all its models have the same.
            foreach (var original in (int[])[8192, rotary.OriginalMaxPositions, decoder.MaxPositions / (int)Math.Max(llama3.Factor, 1), 32, 16])
            {
                var candidate = llama3 with { OriginalMaxPositions = original };
                if (!candidate.Frequencies(1).Zip(rotary.Frequencies(1)).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-5 * Math.Abs(pair.Second)))
                    continue;
                settings.AddRange([("rope_type", "llama3"), ("factor", candidate.Factor), ("low_freq_factor", 1.0), ("high_freq_factor", 4.0), ("original_max_position_embeddings", original)]);
                return settings;
            }

            throw new NotSupportedException($"{model.Name}: its rotary divisors (rope_freqs.weight) are not those of a Llama 3 model, and config.json cannot hold them: merge over the Hugging Face folder of the model");
        }

        settings.Add(("rope_type", rotary.Type));
        if (rotary.Type is "linear" or "yarn")
            settings.Add(("factor", rotary.Factor));
        if (rotary.Type == "yarn")
            settings.AddRange([("original_max_position_embeddings", rotary.OriginalMaxPositions), ("beta_fast", rotary.BetaFast), ("beta_slow", rotary.BetaSlow)]);
        return settings;
    }

    private static void Token(Utf8JsonWriter json, string name, int? id)
    {
        if (id is { } token)
            json.WriteNumber(name, token);
        else
            json.WriteNull(name);
    }
}
