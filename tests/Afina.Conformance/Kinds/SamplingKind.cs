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
        var options = GenerationConfigReader.Parse(json.GetProperty("options"), "options", name => throw new NotSupportedCase($"the option {name} of generate() is not supported"));
        var eos = json.GetProperty("eos_token_id");
        return options with
        {
            DoSample = json.GetProperty("do_sample").GetBoolean(),
            EosTokenId = eos.ValueKind switch
            {
                JsonValueKind.Array => [.. eos.EnumerateArray().Select(id => id.GetInt32())],
                JsonValueKind.Number => [eos.GetInt32()],
                _ => options.EosTokenId,
            },
        };
    }
}
