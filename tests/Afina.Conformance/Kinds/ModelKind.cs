using Afina.Formats.Safetensors;
using Afina.Models;

namespace Afina.Conformance.Kinds;

/// <summary>Logits, loss and greedy continuation of a model, with each of its configuration files.</summary>
internal sealed class ModelKind : Kind
{
    public override string Name => "model";

    public override void Run(Case @case, Check check)
    {
        var folder = @case.Resolve(@case.Text("model")!);
        var configs = new List<string> { "config.json" };
        if (@case.Json.TryGetProperty("alternate_configs", out var alternates))
            configs.AddRange(alternates.EnumerateArray().Select(item => Path.GetRelativePath(folder, @case.Resolve(item.GetProperty("file").GetString()!))));
        using var batches = new Batches();
        foreach (var config in configs)
        {
            using var model = LanguageModel.Open(folder, config);
            Compare(@case, model.Decoder, batches, check);
        }
    }

    private static void Compare(Case @case, Decoder model, Batches batches, Check check)
    {
        using var expected = SafetensorsFile.Open(@case.Own("expected.safetensors"));
        foreach (var name in expected.Tensors.Keys.Where(name => name.StartsWith("dequantized.", StringComparison.Ordinal)))
        {
            var weight = model.Weights.All[name["dequantized.".Length..]];
            var values = new float[weight.Count];
            weight.Decode(0, values);
            check.Close(expected.Floats(name), values, name);
        }

        var (ids, rows, length, positions, segments) = Batches.Read(@case.Resolve(@case.Text("inputs")!));
        var logits = batches.Logits(model, null, ids, segments, positions);
        check.Close(expected.Floats("logits"), logits, "logits");

        var sum = 0.0;
        var vocabulary = model.Config.VocabularySize;
        for (var at = 0; at < ids.Length; at++)
        {
            if (at % length != length - 1)
                sum -= LogProbability(logits.AsSpan(at * vocabulary, vocabulary), ids[at + 1]);
        }

        check.Close(expected.Floats("loss")[0], sum / (rows * (length - 1)), "loss");
        var tokens = @case.Json.GetProperty("new_tokens").GetInt32();
        if (tokens == 0)
            return;
        var sequence = ids[..length].ToList();
        var places = positions.Length > 0 ? positions[..length].ToList() : null;
        var documents = segments.Where(segment => segment.Start < length).ToList();
        for (var n = 0; n < tokens; n++)
        {
            var all = batches.Logits(model, null, [.. sequence], documents, places is null ? [] : [.. places]);
            var last = all.AsSpan((sequence.Count - 1) * vocabulary, vocabulary);
            sequence.Add(Largest(last));
            places?.Add(places[^1] + 1);
            documents[^1] = documents[^1] with { Length = documents[^1].Length + 1 };
        }

        check.Same([.. expected.Integers("greedy").Select(value => (int)value)], sequence[length..], "greedy");
    }

    internal static int Largest(ReadOnlySpan<float> values)
    {
        var best = 0;
        for (var i = 1; i < values.Length; i++)
        {
            if (values[i] > values[best])
                best = i;
        }

        return best;
    }

    internal static double LogProbability(ReadOnlySpan<float> logits, int token)
    {
        var largest = float.NegativeInfinity;
        foreach (var logit in logits)
            largest = Math.Max(largest, logit);
        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp(logit - largest);
        return logits[token] - largest - Math.Log(sum);
    }
}
