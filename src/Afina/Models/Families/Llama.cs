using Afina.Engine.Ops;
using Afina.Formats.HuggingFace;

namespace Afina.Models.Families;

/// <summary>Llama 2, 3, 3.1, 3.2, SmolLM2 and their kin (config.json: LlamaForCausalLM; GGUF: llama).</summary>
internal sealed class Llama : Family
{
    public override IReadOnlyList<string> ModelTypes => ["llama"];

    public override IReadOnlyList<string> GgufArchitectures => ["llama"];

    public override bool GgufPermutes => true;

    public override DecoderConfig Read(ConfigReader config)
    {
        var attentionBias = config.OptionalBool("attention_bias") ?? false;
        return Decoder(config, keyValueHeads: null) with
        {
            AttentionBias = attentionBias,
            OutputBias = attentionBias,
            FeedForwardBias = config.OptionalBool("mlp_bias") ?? false,
        };
    }

    /// <summary>The common block; what a family does differently is changed with <c>with</c>.</summary>
    internal static DecoderConfig Decoder(ConfigReader config, int? keyValueHeads)
    {
        var (hidden, heads) = (config.Positive("hidden_size") ?? 4096, config.Positive("num_attention_heads") ?? 32);
        var keyValue = config.Positive("num_key_value_heads") ?? keyValueHeads ?? heads;
        if (heads % keyValue != 0)
            throw config.Wrong("num_key_value_heads", $"must divide the {heads} attention heads");
        if (config.Positive("head_dim") is null && hidden % heads != 0)
            throw config.Wrong("num_attention_heads", $"must divide hidden_size {hidden} where head_dim is not given");
        var headDim = config.Positive("head_dim") ?? hidden / heads;
        var positions = config.Positive("max_position_embeddings") ?? 2048;
        return new DecoderConfig
        {
            ModelType = config.RequiredString("model_type"),
            VocabularySize = config.Positive("vocab_size") ?? 32000,
            HiddenSize = hidden,
            IntermediateSize = config.Positive("intermediate_size") ?? 11008,
            Heads = heads,
            KeyValueHeads = keyValue,
            HeadDim = headDim,
            Layers = [.. Enumerable.Repeat(new LayerAttention(), config.Positive("num_hidden_layers") ?? 32)],
            Rotaries = [Rotary(config, headDim, positions)],
            NormEpsilon = (float)(config.OptionalNumber("rms_norm_eps") ?? 1e-6),
            TiedHead = config.OptionalBool("tie_word_embeddings") ?? false,
            MaxPositions = positions,
            Activation = ActivationOf(config),
        };
    }

    private static ActivationKind ActivationOf(ConfigReader config) => (config.OptionalString("hidden_act") ?? "silu") switch
    {
        "silu" or "swish" => ActivationKind.Silu,
        "gelu_pytorch_tanh" or "gelu_new" => ActivationKind.GeluTanh,
        "gelu" => ActivationKind.Gelu,
        _ => throw config.Wrong("hidden_act", "must be silu, gelu or gelu_pytorch_tanh"),
    };
}
