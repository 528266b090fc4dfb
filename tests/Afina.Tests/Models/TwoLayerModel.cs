using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Afina.Models;

namespace Afina.Tests.Models;

/// <summary>A model of two layers with random weights, small enough for any test.</summary>
internal static class TwoLayerModel
{
    public static DecoderConfig Config { get; } = new()
    {
        ModelType = "llama",
        VocabularySize = 64,
        HiddenSize = 32,
        IntermediateSize = 48,
        Heads = 4,
        KeyValueHeads = 2,
        HeadDim = 8,
        Layers = [new LayerAttention(), new LayerAttention()],
        Rotaries = [new RotaryConfig { Dim = 8, Theta = 10_000 }],
        NormEpsilon = 1e-5f,
        TiedHead = true,
        MaxPositions = 64,
    };

    /// <param name="seed">Seed of the weights.</param>
    /// <param name="layers">Layers, where they are not two.</param>
    public static Decoder Create(int seed = 1, int layers = 2)
    {
        var random = new Random(seed);
        var weights = new Dictionary<string, Weight>(StringComparer.Ordinal);
        void Add(string name, int rows, int columns)
        {
            var buffer = new NativeBuffer((long)rows * columns * sizeof(float));
            foreach (ref var value in buffer.Span<float>(rows * columns))
                value = rows == 1 ? 1 + 0.1f * (random.NextSingle() - 0.5f) : (random.NextSingle() - 0.5f) / MathF.Sqrt(columns) * 3;
            weights.Add(name, Weight.Of(name, BlockFormats.F32, rows, columns, buffer));
        }

        Add("model.embed_tokens.weight", 64, 32);
        for (var layer = 0; layer < layers; layer++)
        {
            var name = $"model.layers.{layer}.";
            Add(name + "input_layernorm.weight", 1, 32);
            Add(name + "self_attn.q_proj.weight", 32, 32);
            Add(name + "self_attn.k_proj.weight", 16, 32);
            Add(name + "self_attn.v_proj.weight", 16, 32);
            Add(name + "self_attn.o_proj.weight", 32, 32);
            Add(name + "post_attention_layernorm.weight", 1, 32);
            Add(name + "mlp.gate_proj.weight", 48, 32);
            Add(name + "mlp.up_proj.weight", 48, 32);
            Add(name + "mlp.down_proj.weight", 32, 48);
        }

        Add("model.norm.weight", 1, 32);
        return new Decoder(Config with { Layers = [.. Enumerable.Repeat(new LayerAttention(), layers)] }, new ModelWeights("two layers", weights));
    }
}
