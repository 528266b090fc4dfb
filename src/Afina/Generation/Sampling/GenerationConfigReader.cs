using System.Text.Json;
using Afina.Formats;

namespace Afina.Generation.Sampling;

/// <summary>Reads the sampling options of a model's generation_config.json; members about other things are passed over.</summary>
public static class GenerationConfigReader
{
    /// <summary>Reads the file.</summary>
    /// <exception cref="InvalidDataException">With the file, the member and what is wrong with it.</exception>
    public static SamplingOptions Read(string path) => Parse(JsonFile.ReadObject(path), Path.GetFileName(path));

    /// <summary>Reads an object; <paramref name="name"/> begins messages, <paramref name="unknown"/> is told every member passed over.</summary>
    public static SamplingOptions Parse(JsonElement json, string name, Action<string>? unknown = null)
    {
        var options = new SamplingOptions();
        foreach (var member in json.EnumerateObject())
        {
            if (member.Value.ValueKind == JsonValueKind.Null)
                continue;
            try
            {
                if (With(options, member.Name, member.Value) is { } changed)
                    options = changed;
                else
                    unknown?.Invoke(member.Name);
            }
            catch (Exception error) when (error is InvalidOperationException or FormatException or IndexOutOfRangeException)
            {
                throw new InvalidDataException($"{name}: {member.Name} has a value of the wrong type", error);
            }
        }

        return options;
    }

    private static SamplingOptions? With(SamplingOptions options, string name, JsonElement value) => name switch
    {
        "do_sample" => options with { DoSample = value.GetBoolean() },
        "temperature" => options with { Temperature = value.GetSingle() },
        "top_k" => options with { TopK = value.GetInt32() },
        "top_p" => options with { TopP = value.GetDouble() },
        "min_p" => options with { MinP = value.GetDouble() },
        "typical_p" => options with { TypicalP = value.GetDouble() },
        "epsilon_cutoff" => options with { EpsilonCutoff = value.GetDouble() },
        "eta_cutoff" => options with { EtaCutoff = value.GetDouble() },
        "top_h" => options with { TopH = value.GetDouble() },
        "renormalize_logits" => options with { RenormalizeLogits = value.GetBoolean() },
        "repetition_penalty" => options with { RepetitionPenalty = value.GetSingle() },
        "no_repeat_ngram_size" => options with { NoRepeatNgramSize = value.GetInt32() },
        "sequence_bias" => options with { SequenceBias = [.. value.EnumerateArray().Select(pair => new SequenceBias(Ids(pair[0]), pair[1].GetSingle()))] },
        "bad_words_ids" => options with { BadWordsIds = [.. value.EnumerateArray().Select(Ids)] },
        "min_length" => options with { MinLength = value.GetInt32() },
        "min_new_tokens" => options with { MinNewTokens = value.GetInt32() },
        "max_length" => options with { MaxLength = value.GetInt32() },
        "max_new_tokens" => options with { MaxNewTokens = value.GetInt32() },
        "eos_token_id" => options with { EosTokenId = Ids(value) },
        "forced_bos_token_id" => options with { ForcedBosTokenId = value.GetInt32() },
        "forced_eos_token_id" => options with { ForcedEosTokenId = Ids(value) },
        "exponential_decay_length_penalty" => options with { ExponentialDecayLengthPenalty = new LengthPenalty(value[0].GetInt32(), value[1].GetDouble()) },
        "suppress_tokens" => options with { SuppressTokens = Ids(value) },
        "begin_suppress_tokens" => options with { BeginSuppressTokens = Ids(value) },
        "remove_invalid_values" => options with { RemoveInvalidValues = value.GetBoolean() },
        _ => null,
    };

    private static int[] Ids(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(id => id.GetInt32())] : [value.GetInt32()];
}
