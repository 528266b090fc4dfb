using Afina.Engine.Graphs;

namespace Afina.Models;

/// <summary>A decoder with its weights: what programs are built from.</summary>
public sealed class Decoder
{
    /// <summary>Checks that every weight that the configuration asks for is there, in its shape.</summary>
    public Decoder(DecoderConfig config, ModelWeights weights)
    {
        Config = config;
        Weights = weights;
        Embedding = new Value(weights.Get("model.embed_tokens.weight", config.VocabularySize, config.HiddenSize));
        Head = config.TiedHead ? Embedding : new Value(weights.Get("lm_head.weight", config.VocabularySize, config.HiddenSize));
        var modules = new List<LinearModule>();
        for (var layer = 0; layer < config.Layers.Count; layer++)
        {
            var (queries, keys) = (config.Heads * config.HeadDim, config.KeyValueHeads * config.HeadDim);
            var (attention, feedForward) = ($"model.layers.{layer}.self_attn.", $"model.layers.{layer}.mlp.");
            modules.Add(new LinearModule(attention + "q_proj", queries, config.HiddenSize, config.AttentionBias));
            modules.Add(new LinearModule(attention + "k_proj", keys, config.HiddenSize, config.AttentionBias));
            modules.Add(new LinearModule(attention + "v_proj", keys, config.HiddenSize, config.AttentionBias));
            modules.Add(new LinearModule(attention + "o_proj", config.HiddenSize, queries, config.OutputBias));
            modules.Add(new LinearModule(feedForward + "gate_proj", config.IntermediateSize, config.HiddenSize, config.FeedForwardBias));
            modules.Add(new LinearModule(feedForward + "up_proj", config.IntermediateSize, config.HiddenSize, config.FeedForwardBias));
            modules.Add(new LinearModule(feedForward + "down_proj", config.HiddenSize, config.IntermediateSize, config.FeedForwardBias));
        }

        Modules = modules;
        foreach (var module in modules)
        {
            Frozen(module.Name + ".weight", module.Outputs, module.Inputs);
            if (module.Bias)
                Frozen(module.Name + ".bias", 1, module.Outputs);
        }
    }

    /// <summary>The configuration.</summary>
    public DecoderConfig Config { get; }

    /// <summary>The weights.</summary>
    public ModelWeights Weights { get; }

    /// <summary>The linear layers in the order in which the model runs them; without the output head.</summary>
    public IReadOnlyList<LinearModule> Modules { get; }

    /// <summary>Elements of all weights, a tied table counted once.</summary>
    public long ParameterCount => Weights.All.Values.Sum(weight => weight.Count);

    internal Value Embedding { get; }

    internal Value Head { get; }

    private readonly Dictionary<string, Value> _frozen = [];

    internal Value Frozen(string name, int rows, int columns)
    {
        if (!_frozen.TryGetValue(name, out var value))
            _frozen[name] = value = new Value(Weights.Get(name, rows, columns));
        return value;
    }
}
