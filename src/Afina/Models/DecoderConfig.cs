using Afina.Engine.Ops;

namespace Afina.Models;

/// <summary>Where the queries and keys are normalized before the rotation.</summary>
public enum QueryKeyNorm : byte
{
    /// <summary>Nowhere.</summary>
    None,

    /// <summary>Each head by itself (Qwen3, Gemma 3).</summary>
    PerHead,

    /// <summary>The whole row (OLMo 2).</summary>
    Full,
}

/// <summary>Where a layer normalizes.</summary>
public enum NormPlacement : byte
{
    /// <summary>Before attention and feed-forward (Llama).</summary>
    Before,

    /// <summary>After them, before the residual sum (OLMo 2).</summary>
    After,

    /// <summary>Before and after (Gemma 2 and 3).</summary>
    Both,
}

/// <summary>What one layer's attention does differently from another's.</summary>
/// <param name="Window">Positions that are seen, the query's own included; 0: all.</param>
/// <param name="Rotary">Which entry of <see cref="DecoderConfig.Rotaries"/> turns queries and keys; −1: none (NoPE).</param>
public readonly record struct LayerAttention(int Window = 0, int Rotary = 0);

/// <summary>A decoder-only transformer as data: everything in which the families differ.</summary>
public sealed record DecoderConfig
{
    /// <summary>The <c>model_type</c> of config.json.</summary>
    public required string ModelType { get; init; }

    /// <summary>Tokens.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the feed-forward layer.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Elements of a head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>The layers, first to last.</summary>
    public required IReadOnlyList<LayerAttention> Layers { get; init; }

    /// <summary>The rotary embeddings that layers choose from.</summary>
    public required IReadOnlyList<RotaryConfig> Rotaries { get; init; }

    /// <summary>ε of the norms.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>Whether the output head is the embedding table.</summary>
    public required bool TiedHead { get; init; }

    /// <summary>Positions that the model was made for.</summary>
    public required int MaxPositions { get; init; }

    /// <summary>The gate's function.</summary>
    public ActivationKind Activation { get; init; } = ActivationKind.Silu;

    /// <summary>Whether q, k and v have biases.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether the attention's output projection has a bias.</summary>
    public bool OutputBias { get; init; }

    /// <summary>Whether gate, up and down have biases.</summary>
    public bool FeedForwardBias { get; init; }

    /// <summary>Added to every norm's gain.</summary>
    public float NormGainOffset { get; init; }

    /// <summary>Where a layer normalizes.</summary>
    public NormPlacement NormPlacement { get; init; }

    /// <summary>Whether queries and keys are normalized.</summary>
    public QueryKeyNorm QueryKeyNorm { get; init; }

    /// <summary>Factor of the embeddings.</summary>
    public float EmbeddingScale { get; init; } = 1;

    /// <summary>Factor of the scores; 0: 1 / √head dimension.</summary>
    public float AttentionScale { get; init; }

    /// <summary>Cap of the scores; 0: none.</summary>
    public float AttentionSoftCap { get; init; }

    /// <summary>Factor of the logits.</summary>
    public float LogitScale { get; init; } = 1;

    /// <summary>Cap of the logits; 0: none.</summary>
    public float LogitSoftCap { get; init; }

    /// <summary>The options of a layer's attention.</summary>
    public AttentionOptions Attention(int layer) =>
        new(Heads, KeyValueHeads, HeadDim, AttentionScale > 0 ? AttentionScale : (float)(1 / Math.Sqrt(HeadDim)), Layers[layer].Window, AttentionSoftCap);
}
