using Afina.Engine.Ops;
using Afina.Engine.Tensors.Blocks;
using Afina.Formats.Gguf;
using Afina.Models.Families;

namespace Afina.Models;

/// <summary>Reads a decoder from a GGUF file: its metadata as a configuration, its tensors under Hugging Face's names, the rows of q and k
/// back in Hugging Face's order.</summary>
internal static class GgufModel
{
    private static readonly Dictionary<string, string> Names = new(StringComparer.Ordinal)
    {
        ["attn_norm"] = "input_layernorm",
        ["attn_q"] = "self_attn.q_proj",
        ["attn_k"] = "self_attn.k_proj",
        ["attn_v"] = "self_attn.v_proj",
        ["attn_output"] = "self_attn.o_proj",
        ["attn_q_norm"] = "self_attn.q_norm",
        ["attn_k_norm"] = "self_attn.k_norm",
        ["ffn_norm"] = "post_attention_layernorm",
        ["ffn_gate"] = "mlp.gate_proj",
        ["ffn_up"] = "mlp.up_proj",
        ["ffn_down"] = "mlp.down_proj",
    };

    public static (Decoder Decoder, GgufFile File) Open(string path)
    {
        var file = GgufFile.Open(path);
        try
        {
            return (Read(file), file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static Decoder Read(GgufFile file)
    {
        var metadata = new GgufMetadata(file);
        var architecture = metadata.Text("general.architecture");
        var family = Family.OfGguf(architecture, file.File.Name);
        var (hidden, heads) = (metadata.Positive("embedding_length"), metadata.Positive("attention.head_count"));
        var keyValue = metadata.OptionalPositive("attention.head_count_kv") ?? heads;
        if (heads % keyValue != 0)
            throw new InvalidDataException($"{file.File.Name}: attention.head_count_kv {keyValue} does not divide attention.head_count {heads}");
        var headDim = metadata.OptionalPositive("attention.key_length") ?? hidden / heads;
        var positions = metadata.Positive("context_length");
        var config = new DecoderConfig
        {
            ModelType = family.ModelTypes[0],
            VocabularySize = file.Weight("token_embd.weight").Rows,
            HiddenSize = hidden,
            IntermediateSize = metadata.Positive("feed_forward_length"),
            Heads = heads,
            KeyValueHeads = keyValue,
            HeadDim = headDim,
            Layers = [.. Enumerable.Repeat(new LayerAttention(), metadata.Positive("block_count"))],
            Rotaries = [Rotary(file, metadata, headDim, positions)],
            NormEpsilon = (float)metadata.Number("attention.layer_norm_rms_epsilon"),
            TiedHead = !file.Tensors.ContainsKey("output.weight"),
            MaxPositions = positions,
            AttentionBias = file.Tensors.ContainsKey("blk.0.attn_q.bias"),
            OutputBias = file.Tensors.ContainsKey("blk.0.attn_output.bias"),
            FeedForwardBias = file.Tensors.ContainsKey("blk.0.ffn_gate.bias"),
            Activation = ActivationKind.Silu,
        };
        return new Decoder(config, new ModelWeights(file.File.Name, Weights(file, family, config)));
    }

    private static RotaryConfig Rotary(GgufFile file, GgufMetadata metadata, int headDim, int positions)
    {
        var type = metadata.OptionalText("rope.scaling.type") ?? "linear";
        var factor = metadata.OptionalNumber("rope.scaling.factor") ?? 1;
        var dim = metadata.OptionalPositive("rope.dimension_count") ?? headDim;
        double[] divisors = [];
        if (file.Tensors.ContainsKey("rope_freqs.weight"))
        {
            var weight = file.Weight("rope_freqs.weight");
            var values = new float[weight.Count];
            weight.Decode(0, values);
            if (values.Length != dim / 2)
                throw new InvalidDataException($"{file.File.Name}: tensor 'rope_freqs.weight' has {values.Length} values; a rotation of {dim} elements needs {dim / 2}");
            divisors = [.. values.Select(value => (double)value)];
        }

        return new RotaryConfig
        {
            Type = type switch
            {
                "yarn" => "yarn",
                "linear" when factor != 1 => "linear",
                "none" or "linear" => "default",
                _ => throw new InvalidDataException($"{file.File.Name}: rope.scaling.type '{type}' is not supported; it must be none, linear or yarn"),
            },
            Dim = dim,
            Theta = metadata.OptionalNumber("rope.freq_base") ?? 10_000,
            MaxPositions = positions,
            OriginalMaxPositions = metadata.OptionalPositive("rope.scaling.original_context_length") ?? positions,
            Factor = factor,
            BetaFast = metadata.OptionalNumber("rope.scaling.yarn_beta_fast") ?? 32,
            BetaSlow = metadata.OptionalNumber("rope.scaling.yarn_beta_slow") ?? 1,
            LongFactors = divisors,
        };
    }

    private static Dictionary<string, Weight> Weights(GgufFile file, Family family, DecoderConfig config)
    {
        var weights = new Dictionary<string, Weight>(StringComparer.Ordinal);
        foreach (var name in file.Tensors.Keys)
        {
            if (Rename(name) is not { } renamed)
                continue;
            var weight = file.Weight(name);
            var heads = !family.GgufPermutes ? 0 : renamed.Contains(".q_proj.", StringComparison.Ordinal) ? config.Heads : renamed.Contains(".k_proj.", StringComparison.Ordinal) ? config.KeyValueHeads : 0;
            weights.Add(renamed, heads > 0 ? Unpermute(weight, renamed, heads) : weight.Renamed(renamed));
        }

        return weights;
    }

    private static string? Rename(string name)
    {
        if (name is "token_embd.weight" or "output_norm.weight" or "output.weight")
            return name switch { "token_embd.weight" => "model.embed_tokens.weight", "output_norm.weight" => "model.norm.weight", _ => "lm_head.weight" };
        var parts = name.Split('.');
        return parts is ["blk", var layer, var part, var kind] && Names.TryGetValue(part, out var module) ? $"model.layers.{layer}.{module}.{kind}" : null;
    }

    /// <summary>Row j of a head comes from row 2j of the file for the first half, 2(j − half) + 1 for the second.</summary>
    private static Weight Unpermute(Weight weight, string name, int heads)
    {
        var count = weight.Rows == 1 ? weight.Columns : weight.Rows;
        if (count % heads != 0 || count / heads % 2 != 0)
            throw new InvalidDataException($"tensor '{weight.Name}' of {count} rows does not divide into {heads} heads");
        var size = count / heads;
        int[] order = [.. Enumerable.Range(0, count).Select(row => row / size * size + (row % size < size / 2 ? 2 * (row % size) : 2 * (row % size - size / 2) + 1))];
        return weight.Renamed(name).Reordered(name, order);
    }
}

/// <summary>Metadata of a GGUF file under the prefix of its architecture.</summary>
internal sealed class GgufMetadata(GgufFile file)
{
    private readonly string _prefix = file.Metadata.TryGetValue("general.architecture", out var value) && value is string text ? text + "." : "";

    public string Text(string key) => OptionalText(key) ?? throw Missing(key);

    public string? OptionalText(string key) => Find(key) as string;

    public double Number(string key) => OptionalNumber(key) ?? throw Missing(key);

    public double? OptionalNumber(string key) => Find(key) switch
    {
        null => null,
        IConvertible number and not string and not bool => number.ToDouble(System.Globalization.CultureInfo.InvariantCulture),
        _ => throw new InvalidDataException($"{file.File.Name}: metadata '{key}' is no number"),
    };

    public int Positive(string key) => OptionalPositive(key) ?? throw Missing(key);

    public int? OptionalPositive(string key) => OptionalNumber(key) switch
    {
        null => null,
        >= 1 and <= int.MaxValue and var number when number == Math.Floor(number) => (int)number,
        var number => throw new InvalidDataException($"{file.File.Name}: metadata '{key}' is {number}; it must be a whole number above 0"),
    };

    private object? Find(string key) =>
        file.Metadata.TryGetValue(key.StartsWith("general.", StringComparison.Ordinal) ? key : _prefix + key, out var value) ? value : null;

    private InvalidDataException Missing(string key) => new($"{file.File.Name}: the metadata lacks '{key}'");
}
