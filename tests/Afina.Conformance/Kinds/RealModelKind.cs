using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Ops;
using Afina.Formats.Safetensors;
using Afina.Generation;
using Afina.Generation.Sampling;
using Afina.Models;

namespace Afina.Conformance.Kinds;

/// <summary>A real model: logits, log-sum-exp, log-probabilities, loss and greedy continuations of several prompts.</summary>
internal sealed class RealModelKind : Kind
{
    public override string Name => "real-model";

    public override void Run(Case @case, Check check)
    {
        using var batches = new Batches();
        using var model = LanguageModel.Open(@case.Resolve(@case.Text("model")!));
        using var expected = SafetensorsFile.Open(@case.Own("expected.safetensors"));
        using var team = new Team(2);
        var (vocabulary, stride, tokens) = (@case.Json.GetProperty("vocabulary").GetInt32(), @case.Json.GetProperty("sample_stride").GetInt32(), @case.Json.GetProperty("greedy_tokens").GetInt32());
        var prompts = @case.Json.GetProperty("prompts").EnumerateArray().ToArray();
        for (var p = 0; p < prompts.Length; p++)
        {
            var prompt = prompts[p];
            var name = prompt.GetProperty("name").GetString()!;
            int[] ids = [.. expected.Integers($"{p}.input_ids").Select(value => (int)value)];
            var logits = batches.Logits(model.Decoder, null, ids, [new Segment(0, ids.Length)], []);
            check.Close(expected.Floats($"{p}.last_logits"), logits.AsSpan((ids.Length - 1) * vocabulary), $"{name} last_logits");
            float[] samples = [.. prompt.GetProperty("sample_positions").EnumerateArray().SelectMany(position =>
                Enumerable.Range(0, (vocabulary + stride - 1) / stride).Select(i => logits[position.GetInt32() * vocabulary + i * stride]))];
            check.Close(expected.Floats($"{p}.sample_logits"), samples, $"{name} sample_logits");
            var logp = Enumerable.Range(0, ids.Length - 1).Select(at => (float)ModelKind.LogProbability(logits.AsSpan(at * vocabulary, vocabulary), ids[at + 1])).ToArray();
            float[] sums = [.. Enumerable.Range(0, ids.Length).Select(at => (float)(logits[at * vocabulary] - ModelKind.LogProbability(logits.AsSpan(at * vocabulary, vocabulary), 0)))];
            check.Close(expected.Floats($"{p}.logsumexp"), sums, $"{name} logsumexp");
            check.Close(expected.Floats($"{p}.token_logprobs"), logp, $"{name} token_logprobs");
            check.Close([prompt.GetProperty("loss").GetSingle()], [-logp.Average()], $"{name} loss", check.Named("loss_tolerance"));

            int[] greedy = [.. prompt.GetProperty("greedy").EnumerateArray().Select(value => value.GetInt32())];
            float[] margins = [.. prompt.GetProperty("greedy_margin").EnumerateArray().Select(value => value.GetSingle())];
            using var generator = new Generator(model.Decoder, null, new GeneratorOptions(ids.Length + tokens), Backends.Default(), team);
            int[] got = [.. generator.Generate([ids], new SamplingOptions { MaxNewTokens = tokens }).Select(token => token.Token)];
            var differs = Enumerable.Range(0, tokens).FirstOrDefault(i => got[i] != greedy[i], tokens);
            if (differs < tokens && margins[differs] >= @case.Json.GetProperty("min_margin").GetSingle())
                check.Same(greedy, got, $"{name} greedy");
        }
    }
}
