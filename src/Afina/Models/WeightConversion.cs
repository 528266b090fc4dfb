using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Models;

/// <summary>How frozen matrices are kept in memory.</summary>
public enum WeightFormat : byte
{
    /// <summary>As they lie in the file, mapped.</summary>
    AsStored,

    /// <summary>In bfloat16.</summary>
    Bf16,

    /// <summary>In fp32.</summary>
    Fp32,

    /// <summary>In bitsandbytes' 4-bit normal floats.</summary>
    Nf4,

    /// <summary>In bitsandbytes' 4-bit floats.</summary>
    Fp4,
}

/// <summary>Converts matrices while a model is loaded, a few rows at a time; pages of the file are dropped behind it.</summary>
/// <param name="Format">What they become.</param>
/// <param name="DoubleQuantization">Whether 4-bit formats quantize their scales too.</param>
/// <param name="BlockSize">Elements that share a scale, for the 4-bit formats.</param>
public sealed record WeightConversion(WeightFormat Format, bool DoubleQuantization = true, int BlockSize = 64)
{
    private const int Alignment = 64;

    /// <summary>See <see cref="FourBitQuantizer.CoarseScales"/>.</summary>
    internal bool CoarseScales { get; init; }

    /// <summary>The same model with converted matrices: 4 bits for the decoder's linear layers only, everything else for embedding and head too.</summary>
    /// <param name="model">The model.</param>
    /// <param name="only">Chooses among the matrices that would be converted, by name; null: all.</param>
    /// <param name="progress">Told the share that is done.</param>
    public Decoder Apply(Decoder model, Func<string, bool>? only = null, Action<double>? progress = null)
    {
        if (Format == WeightFormat.AsStored)
            return model;
        var fourBit = Format is WeightFormat.Nf4 or WeightFormat.Fp4;
        var linear = model.Modules.Select(module => module.Name + ".weight").ToHashSet(StringComparer.Ordinal);
        var weights = new Dictionary<string, Weight>(StringComparer.Ordinal);
        bool IsChosen(string name, Weight weight) => (fourBit ? linear.Contains(name) : weight.Rows > 1) && only?.Invoke(name) != false;
        // Side by side in one buffer, matrices of any size lie on large pages: columns of them are read a line from each row.
        var widened = new NativeBuffer(model.Weights.All.Sum(pair => IsChosen(pair.Key, pair.Value) ? WidenedBytes(pair.Value) : 0));
        var used = 0L;
        var (done, all) = (0L, Math.Max(model.Weights.All.Values.Sum(weight => weight.Count), 1));
        foreach (var (name, weight) in model.Weights.All)
        {
            // A vector lies between matrices in the file: read there, it would bring their pages back.
            weights.Add(name, IsChosen(name, weight) ? Convert(weight, widened, ref used) : weight.Rows == 1 ? weight.Copied() : weight);
            progress?.Invoke((done += weight.Count) / (double)all);
        }

        // Reading a page brings its neighbours back, so those of matrices that were done leave once more.
        foreach (var (name, weight) in model.Weights.All)
        {
            if (!ReferenceEquals(weights[name], weight))
                weight.DropPages();
        }

        return new Decoder(model.Config, new ModelWeights(model.Weights.Source, weights));
    }

    /// <summary>Whether a weight of a model is already stored in 4 bits, so that 4 bits again would round twice.</summary>
    public static bool IsFourBit(Decoder model) => model.Modules.Any(module => model.Weights.All[module.Name + ".weight"].Format is var format
        && format.BlockElements > 1 && 8.0 * format.BlockBytes / format.BlockElements < 6);

    /// <summary>The bytes that the matrices of a model will take.</summary>
    public long Bytes(Decoder model)
    {
        var linear = model.Modules.Select(module => module.Name + ".weight").ToHashSet(StringComparer.Ordinal);
        return model.Weights.All.Values.Sum(weight => Format switch
        {
            WeightFormat.Bf16 when weight.Rows > 1 => weight.Count * 2,
            WeightFormat.Fp32 when weight.Rows > 1 => weight.Count * 4,
            WeightFormat.Nf4 or WeightFormat.Fp4 when linear.Contains(weight.Name) => weight.Count / 2 + ScaleBytes(weight.Count),
            _ => weight.Bytes,
        });
    }

    private long ScaleBytes(long count)
    {
        var blocks = (count + BlockSize - 1) / BlockSize;
        return DoubleQuantization ? blocks + (blocks + 255) / 256 * 4 : blocks * 4;
    }

    private BlockFormat? Wide => Format switch
    {
        WeightFormat.Bf16 => BlockFormats.BF16,
        WeightFormat.Fp32 => BlockFormats.F32,
        _ => null,
    };

    /// <summary>What a matrix takes of the common buffer.</summary>
    private long WidenedBytes(Weight weight) =>
        Wide is { } format && format != weight.Format ? (weight.Count * format.BlockBytes + Alignment - 1) / Alignment * Alignment : 0;

    private Weight Convert(Weight weight, NativeBuffer widened, ref long used)
    {
        var converted = Format switch
        {
            WeightFormat.Nf4 => FourBitQuantizer.Quantize(weight, BlockFormats.NF4, BlockSize, DoubleQuantization, CoarseScales),
            WeightFormat.Fp4 => FourBitQuantizer.Quantize(weight, BlockFormats.FP4, BlockSize, DoubleQuantization, CoarseScales),
            _ => Widen(weight, Wide!, widened, used),
        };
        used += WidenedBytes(weight);
        weight.DropPages();
        return converted;
    }

    private static Weight Widen(Weight weight, BlockFormat format, NativeBuffer buffer, long start)
    {
        if (weight.Format == format)
            return weight;
        var rows = Math.Max(1, 65536 / weight.Columns);
        var piece = new float[rows * weight.Columns];
        for (var row = 0; row < weight.Rows; row += rows)
        {
            var values = piece.AsSpan(0, Math.Min(rows, weight.Rows - row) * weight.Columns);
            weight.Decode((long)row * weight.Columns, values);
            format.Encode(values, buffer.Bytes(start + (long)row * weight.Columns * format.BlockBytes, values.Length * format.BlockBytes));
        }

        return Weight.Of(weight.Name, format, weight.Rows, weight.Columns, buffer, start);
    }
}
