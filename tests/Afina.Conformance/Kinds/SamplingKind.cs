using System.Text.Json;
using Afina.Formats.Safetensors;
using Afina.Generation.Sampling;

namespace Afina.Conformance.Kinds;

/// <summary>Scores and probabilities after the steps that generate() would apply.</summary>
internal sealed class SamplingKind : Kind
{
    public override string Name => "sampling";

    public override void Run(Case @case, Check check)
    {
        using var input = SafetensorsFile.Open(@case.Own("input.safetensors"));
        using var expected = SafetensorsFile.Open(@case.Own(@case.Text("expected") ?? "expected.safetensors"));
        var shape = input.Find("logits").Shape;
        var (rows, vocabulary) = ((int)shape[0], (int)shape[1]);
        var length = (int)input.Find("input_ids").Shape[1];
        var pipeline = LogitsPipeline.Create(Options(@case.Json), vocabulary);
        var workspace = new SamplingWorkspace(vocabulary);
        var scores = input.Floats("logits");
        var tokens = input.Integers("input_ids").Select(id => (int)id).ToArray();
        var probabilities = new float[scores.Length];
        for (var row = 0; row < rows; row++)
        {
            var span = scores.AsSpan(row * vocabulary, vocabulary);
            pipeline.Apply(span, new TokenHistory(tokens.AsSpan(row * length, length), @case.Json.GetProperty("prompt_length").GetInt32()), workspace);
            LogitsPipeline.Probabilities(span, probabilities.AsSpan(row * vocabulary, vocabulary));
        }

        check.Same(Removed(expected.Floats("scores")), Removed(scores), "removed tokens");
        check.Close(expected.Floats("scores"), scores, "scores");
        check.Close(expected.Floats("probabilities"), probabilities, "probabilities");
    }

    private static int[] Removed(float[] scores) => [.. Enumerable.Range(0, scores.Length).Where(i => float.IsNegativeInfinity(scores[i]))];

    private static SamplingOptions Options(JsonElement json)
    {
        var options = new SamplingOptions
        {
            DoSample = json.GetProperty("do_sample").GetBoolean(),
            EosTokenId = Ids(json.GetProperty("eos_token_id")),
        };
        foreach (var option in json.GetProperty("options").EnumerateObject().Where(option => option.Value.ValueKind != JsonValueKind.Null))
        {
            var value = option.Value;
            options = option.Name switch
            {
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
                "forced_bos_token_id" => options with { ForcedBosTokenId = value.GetInt32() },
                "forced_eos_token_id" => options with { ForcedEosTokenId = Ids(value) },
                "exponential_decay_length_penalty" => options with { ExponentialDecayLengthPenalty = new LengthPenalty(value[0].GetInt32(), value[1].GetDouble()) },
                "suppress_tokens" => options with { SuppressTokens = Ids(value) },
                "begin_suppress_tokens" => options with { BeginSuppressTokens = Ids(value) },
                "remove_invalid_values" => options with { RemoveInvalidValues = value.GetBoolean() },
                _ => throw new NotSupportedCase($"the option {option.Name} of generate() is not supported"),
            };
        }

        return options;
    }

    private static int[] Ids(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => [.. value.EnumerateArray().Select(id => id.GetInt32())],
        JsonValueKind.Number => [value.GetInt32()],
        _ => [],
    };
}
