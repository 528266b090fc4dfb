using System.IO.Hashing;
using System.Runtime.InteropServices;
using Afina.Engine.Tensors.Blocks;
using Afina.Models;
using Afina.Training.Objectives;

namespace Afina.Runs;

/// <summary>Short hashes that change when what they stand for does.</summary>
internal static class Fingerprints
{
    /// <summary>Of a model: names, shapes and formats of all weights, the values of the first and the last row of each.</summary>
    public static string Of(Decoder model)
    {
        var hash = new XxHash3();
        foreach (var weight in model.Weights.All.Values.OrderBy(weight => weight.Name, StringComparer.Ordinal))
        {
            hash.Append(MemoryMarshal.AsBytes(weight.Name.AsSpan()));
            hash.Append(MemoryMarshal.AsBytes<int>([weight.Rows, weight.Columns, weight.Format.BlockBytes, weight.Format.BlockElements]));
            Append(hash, weight, 0);
            Append(hash, weight, weight.Rows - 1);
        }

        return Hex(hash);
    }

    /// <summary>Of examples: every token and target.</summary>
    public static string Of(IEnumerable<TrainingExample> examples)
    {
        var hash = new XxHash3();
        foreach (var sequence in examples.SelectMany(example => example.Sequences))
        {
            hash.Append(MemoryMarshal.AsBytes<int>([sequence.Tokens.Length, sequence.Targets.Count]));
            hash.Append(MemoryMarshal.AsBytes(sequence.Tokens.Span));
            foreach (var target in sequence.Targets)
                hash.Append(MemoryMarshal.AsBytes<int>([target.Position, target.Token]));
        }

        return Hex(hash);
    }

    /// <summary>Of an adapter: every value.</summary>
    public static string Of(Adapter adapter)
    {
        var hash = new XxHash3();
        foreach (var parameter in adapter.Parameters)
            hash.Append(MemoryMarshal.AsBytes(adapter.Values(parameter)));
        return Hex(hash);
    }

    private static void Append(XxHash3 hash, Weight weight, int row)
    {
        var values = new float[weight.Columns];
        weight.Decode((long)row * weight.Columns, values);
        hash.Append(MemoryMarshal.AsBytes<float>(values));
    }

    private static string Hex(XxHash3 hash) => hash.GetCurrentHashAsUInt64().ToString("x16", System.Globalization.CultureInfo.InvariantCulture);
}
