using System.Text.Json;
using Afina.Adapters;
using Afina.Engine.Ops;
using Afina.Formats.Safetensors;
using Afina.Models;

namespace Afina.Conformance.Kinds;

/// <summary>Loss, logits and gradients of an adapter over a real model, dequantized or quantized again.</summary>
internal sealed class RealAdapterKind : Kind
{
    public override string Name => "real-adapter";

    public override void Run(Case @case, Check check)
    {
        using var batches = new Batches();
        using var opened = LanguageModel.Open(@case.Resolve(@case.Text("model")!));
        using var expected = SafetensorsFile.Open(@case.Own("expected.safetensors"));
        var model = opened.Decoder;
        if (@case.Json.GetProperty("quantization") is { ValueKind: JsonValueKind.Object } quantization)
        {
            // The values were computed over a base that bitsandbytes' CPU library quantized, whose scales are not all the nearest ones.
            var format = quantization.GetProperty("type").GetString() == "nf4" ? WeightFormat.Nf4 : WeightFormat.Fp4;
            model = new WeightConversion(format, quantization.GetProperty("double_quantization").GetBoolean(), quantization.GetProperty("block_size").GetInt32()) { CoarseScales = true }.Apply(model);
        }

        foreach (var name in expected.Tensors.Keys.Where(name => name.StartsWith("dequantized.", StringComparison.Ordinal)))
        {
            var weight = model.Weights.All[name["dequantized.".Length..name.LastIndexOf(".rows", StringComparison.Ordinal)]];
            var values = new float[expected.Floats(name).Length];
            weight.Decode(0, values);
            check.Close(expected.Floats(name), values, name);
        }

        var (adapter, _) = Lora.Load(model, @case.Resolve(@case.Text("adapter")!));
        var shape = expected.Find("input_ids").Shape;
        var (ids, mask, labels) = (expected.Integers("input_ids"), expected.Integers("attention_mask"), expected.Integers("labels"));
        List<int> tokens = [];
        List<Segment> segments = [];
        List<Target> targets = [];
        for (var row = 0; row < shape[0]; row++)
        {
            var first = row * (int)shape[1];
            var length = Enumerable.Range(first, (int)shape[1]).Count(at => mask[at] != 0);
            segments.Add(new Segment(tokens.Count, length));
            for (var at = 0; at < length - 1; at++)
            {
                if (labels[first + at + 1] != -100)
                    targets.Add(new Target(tokens.Count + at, (int)labels[first + at + 1], 1f / @case.Json.GetProperty("labelled_tokens").GetInt32()));
            }

            tokens.AddRange(ids.AsSpan(first, length).ToArray().Select(id => (int)id));
        }

        var loss = check.Named("loss_tolerance");
        adapter.AllocateGradients();
        var scores = batches.Score(model, adapter, [.. tokens], segments, [.. targets], gradients: true);
        check.Close([@case.Json.GetProperty("loss").GetSingle()], [-scores.Average()], "loss", loss);
        check.Close([@case.Json.GetProperty("loss_without_adapter").GetSingle()], [-batches.Score(model, null, [.. tokens], segments, [.. targets], gradients: false).Average()], "loss without adapter", loss);
        var positions = @case.Json.GetProperty("logits_positions").EnumerateArray().Select(place => segments[place.GetProperty("row").GetInt32()].Start + place.GetProperty("position").GetInt32()).ToArray();
        var logits = batches.Logits(model, adapter, [.. tokens], segments, [], positions);
        for (var i = 0; i < positions.Length; i++)
            check.Close(expected.Floats($"logits.{i}"), logits.AsSpan(i * model.Config.VocabularySize, model.Config.VocabularySize), $"logits.{i}");
        var norms = @case.Json.GetProperty("grad_norms");
        foreach (var parameter in adapter.Parameters)
        {
            var gradient = adapter.Gradients(parameter);
            var sum = 0.0;
            foreach (var value in gradient)
                sum += (double)value * value;
            check.Close([norms.GetProperty(parameter.Name).GetSingle()], [(float)Math.Sqrt(sum)], $"norm of {parameter.Name}", check.Named("grad_norm_tolerance"));
            if (expected.Tensors.ContainsKey("grad." + parameter.Name))
                check.Close(expected.Floats("grad." + parameter.Name), gradient, "grad." + parameter.Name, check.Named("grad_tolerance"));
        }
    }
}
