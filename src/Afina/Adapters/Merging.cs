using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Afina.Models;

namespace Afina.Adapters;

/// <summary>Adds an adapter into the weights: W ← W + s · B A, in fp32, row by row; trained biases take the place of the base's.</summary>
public static class Merging
{
    /// <summary>Rows of a merged weight in fp32.</summary>
    /// <param name="weight">The base weight, under its Hugging Face name.</param>
    /// <param name="adapter">The adapter, or null for the base alone.</param>
    /// <param name="row">The first row.</param>
    /// <param name="destination">Whole rows.</param>
    public static void Rows(Weight weight, Adapter? adapter, int row, Span<float> destination)
    {
        var dot = weight.Name.LastIndexOf('.');
        var (module, part) = dot < 0 ? (weight.Name, "") : (weight.Name[..dot], weight.Name[(dot + 1)..]);
        if (part == "bias" && adapter?.Biases.GetValueOrDefault(module) is { } bias)
        {
            adapter.Values(bias).CopyTo(destination);
            return;
        }

        weight.Decode((long)row * weight.Columns, destination);
        if (part != "weight" || adapter?.Terms.GetValueOrDefault(module) is not { } term)
            return;
        var a = adapter.Values(term.A);
        var b = adapter.Values(term.B);
        for (var i = 0; i < destination.Length / weight.Columns; i++)
        {
            var to = destination.Slice(i * weight.Columns, weight.Columns);
            for (var k = 0; k < term.Rank; k++)
            {
                var factor = term.Scale * b[(row + i) * term.Rank + k];
                var from = a.Slice(k * weight.Columns, weight.Columns);
                for (var j = 0; j < to.Length; j++)
                    to[j] += factor * from[j];
            }
        }
    }

    /// <summary>A model whose adapted weights are merged copies in fp32; all others are the base's own.</summary>
    public static Decoder Merge(Decoder model, Adapter adapter)
    {
        var weights = new Dictionary<string, Weight>(StringComparer.Ordinal);
        foreach (var (name, weight) in model.Weights.All)
        {
            var module = name[..Math.Max(name.LastIndexOf('.'), 0)];
            if (!adapter.Terms.ContainsKey(module) && !adapter.Biases.ContainsKey(module))
            {
                weights.Add(name, weight);
                continue;
            }

            var buffer = new NativeBuffer(weight.Count * sizeof(float));
            Rows(weight, adapter, 0, buffer.Span<float>((int)weight.Count));
            weights.Add(name, Weight.Of(name, BlockFormats.F32, weight.Rows, weight.Columns, buffer));
        }

        return new Decoder(model.Config, new ModelWeights(model.Weights.Source, weights));
    }
}
