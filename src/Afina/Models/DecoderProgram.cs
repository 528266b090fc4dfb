using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;

namespace Afina.Models;

/// <summary>What a decoder's program ends in.</summary>
public enum DecoderUse : byte
{
    /// <summary>The loss and the gradient of every parameter.</summary>
    Training,

    /// <summary>Log-probabilities of the targets and then, for weights that the caller makes of them, the gradient of every parameter.</summary>
    Weighing,

    /// <summary>Log-probabilities of the targets.</summary>
    Scoring,

    /// <summary>Logits of the labelled rows.</summary>
    Logits,

    /// <summary>The rows that enter the layer at which the decoder is cut.</summary>
    Hidden,
}

/// <summary>How a decoder's program is built.</summary>
/// <param name="Use">What it ends in.</param>
/// <param name="Type">Type of the activations: F32 or BF16 (F64 for checks by finite differences).</param>
/// <param name="Cache">Whether keys and values are read from and written to a cache.</param>
/// <param name="Loss">The options of the loss.</param>
/// <param name="Cut">The layer at which the decoder is cut in two: <see cref="DecoderUse.Hidden"/> ends before it, every other use begins
/// with it, from rows that are bound. 0: not cut.</param>
public sealed record DecoderOptions(DecoderUse Use, DType Type = DType.F32, bool Cache = false, LossOptions? Loss = null, int Cut = 0)
{
    /// <summary>Whether a low-rank term is added to a frozen projection that was rounded to the activations' type, as PEFT does in bf16. Here both
    /// are one sum that is rounded once, as a rule: small terms count in full.</summary>
    public bool AddsToRounded { get; init; }
}

/// <summary>The graph of a decoder over a batch, with the values that the caller fills and reads.</summary>
public sealed class DecoderProgram
{
    private readonly Decoder _model;
    private readonly Adapter? _adapter;
    private readonly DecoderOptions _options;

    private DecoderProgram(Decoder model, Adapter? adapter, DecoderInputs inputs, DecoderOptions options) =>
        (_model, _adapter, Inputs, _options) = (model, adapter, inputs, options);

    /// <summary>What the caller fills.</summary>
    public DecoderInputs Inputs { get; }

    /// <summary>The program.</summary>
    public Graph Graph { get; private set; } = new();

    /// <summary>Logits [labelled, vocabulary], of <see cref="DecoderUse.Logits"/>.</summary>
    public Value? Logits { get; private set; }

    /// <summary>Rows that enter the layer at which the decoder is cut [rows, width], of <see cref="DecoderUse.Hidden"/>.</summary>
    public Value? Hidden { get; private set; }

    /// <summary>Log-probability of each target, log-sum-exp, most likely token, mean logit and entropy of each labelled row.</summary>
    public Value[] Scores { get; private set; } = [];

    /// <summary>Builds the program: the forward without dead rows and, for training, the backward.</summary>
    public static DecoderProgram Build(Decoder model, Adapter? adapter, DecoderInputs inputs, DecoderOptions options)
    {
        var program = new DecoderProgram(model, adapter, inputs, options);
        program.Forward();
        program.Graph = DeadRows.Remove(program.Graph);
        if (program.Trains)
            Gradients.Append(program.Graph, program.Scores[0]);
        return program;
    }

    private bool Trains => _options.Use is DecoderUse.Training or DecoderUse.Weighing;

    private void Forward()
    {
        var (config, graph) = (_model.Config, Graph);
        var (first, end) = _options.Use == DecoderUse.Hidden ? (0, _options.Cut) : (_options.Cut, config.Layers.Count);
        var used = Enumerable.Range(first, end - first).Select(layer => config.Layers[layer].Rotary).ToHashSet();
        var rotaries = config.Rotaries.Select((rotary, i) => used.Contains(i)
            ? graph.Add(new RotaryTable(rotary.AttentionFactor), $"rotary.{i}", Inputs.Positions, Inputs.Frequencies[i])[0] : null).ToArray();
        var x = first > 0 ? Inputs.Hidden ?? throw new ArgumentException("the inputs have no rows for a program that begins at a layer")
            : graph.Add(new Embedding(_options.Type, config.EmbeddingScale), "model.embed_tokens", Inputs.Tokens, _model.Embedding)[0];
        for (var layer = first; layer < end; layer++)
        {
            graph.Layer = layer;
            var name = $"model.layers.{layer}";
            x = Branch(x, name, "input_layernorm", "post_attention_layernorm", (h, residual) => Attention(layer, h, residual, rotaries));
            x = Branch(x, name, config.NormPlacement == NormPlacement.Before ? "post_attention_layernorm" : "pre_feedforward_layernorm",
                "post_feedforward_layernorm", (h, residual) => FeedForward(layer, h, residual));
        }

        graph.Layer = -1;
        if (_options.Use == DecoderUse.Hidden)
        {
            graph.Results.Add(Hidden = x);
            return;
        }

        x = graph.Add(new SelectRows(), "labelled", x, Inputs.Labelled)[0];
        x = Norm("model.norm", x);
        Head(x);
    }

    private Value Branch(Value x, string layer, string before, string after, Func<Value, Value?, Value> body)
    {
        var placement = _model.Config.NormPlacement;
        var h = placement == NormPlacement.After ? x : Norm($"{layer}.{before}", x);
        if (placement == NormPlacement.Before)
            return body(h, x);
        var y = Norm($"{layer}.{after}", body(h, null));
        return Graph.Add(new Sum(_options.Type), $"{layer}.residual", x, y)[0];
    }

    private Value Attention(int layer, Value h, Value? residual, Value?[] rotaries)
    {
        var (config, name) = (_model.Config, $"model.layers.{layer}.self_attn");
        var (queries, keys) = (config.Heads * config.HeadDim, config.KeyValueHeads * config.HeadDim);
        var made = Linear(name, h, null, 4 * layer, [("q_proj", queries), ("k_proj", keys), ("v_proj", keys)]);
        var (q, k, v) = (made[0], made[1], made[2]);
        if (config.QueryKeyNorm != QueryKeyNorm.None)
        {
            q = Norm($"{name}.q_norm", q, config.QueryKeyNorm == QueryKeyNorm.PerHead ? config.HeadDim : queries);
            k = Norm($"{name}.k_norm", k, config.QueryKeyNorm == QueryKeyNorm.PerHead ? config.HeadDim : keys);
        }

        if (config.Layers[layer].Rotary >= 0)
        {
            var table = rotaries[config.Layers[layer].Rotary];
            q = Graph.Add(new Rotary(config.HeadDim), $"{name}.q_rotary", q, table)[0];
            k = Graph.Add(new Rotary(config.HeadDim), $"{name}.k_rotary", k, table)[0];
        }

        Value? cachedKeys = null, cachedValues = null;
        if (_options.Cache)
        {
            (cachedKeys, cachedValues) = Inputs.Cache[layer];
            Graph.Add(new StoreRows(cachedKeys), $"{name}.k_cache", k, Inputs.Slots);
            Graph.Add(new StoreRows(cachedValues), $"{name}.v_cache", v, Inputs.Slots);
        }

        var o = Graph.Add(new Attention(config.Attention(layer)), name, q, k, v, Inputs.Segments, null, cachedKeys, cachedValues)[0];
        return Linear(name, o, residual, 4 * layer + 1, [("o_proj", config.HiddenSize)])[0];
    }

    private Value FeedForward(int layer, Value h, Value? residual)
    {
        var (config, name) = (_model.Config, $"model.layers.{layer}.mlp");
        var made = Linear(name, h, null, 4 * layer + 2, [("gate_proj", config.IntermediateSize), ("up_proj", config.IntermediateSize)]);
        var act = Graph.Add(new GatedActivation(config.Activation), name, made[0], made[1])[0];
        return Linear(name, act, residual, 4 * layer + 3, [("down_proj", config.HiddenSize)])[0];
    }

    private Value[] Linear(string name, Value x, Value? residual, int dropoutModule, (string Name, int Outputs)[] parts)
    {
        var terms = parts.Select(part => _adapter?.Terms.GetValueOrDefault($"{name}.{part.Name}")).ToArray();
        var drops = Trains && _adapter is { Dropout: > 0 } && terms.Any(term => term is not null);
        List<Value?> inputs = [x, residual, drops ? Graph.Add(new Dropout(_adapter!.Dropout, dropoutModule), x.Name, x)[0] : null];
        var projections = new List<Projection>();
        for (var i = 0; i < parts.Length; i++)
        {
            var module = $"{name}.{parts[i].Name}";
            inputs.Add(_model.Frozen(module + ".weight", parts[i].Outputs, x.Columns));
            Value? bias = null;
            if (_adapter?.Biases.GetValueOrDefault(module) is { } trained)
                bias = trained.Value;
            else if (_model.Weights.All.ContainsKey(module + ".bias"))
                bias = _model.Frozen(module + ".bias", 1, parts[i].Outputs);
            inputs.AddRange(bias, terms[i]?.A.Value, terms[i]?.B.Value);
            projections.Add(new Projection(parts[i].Outputs, bias is not null, terms[i]?.Rank ?? 0, terms[i]?.Scale ?? 1));
        }

        return _options.AddsToRounded && terms.Any(term => term is not null) ? AddToRounded(name, projections, [.. inputs])
            : Graph.Add(new Linear([.. projections], _options.Type), name, [.. inputs]);
    }

    /// <summary>The same in three steps, each rounded to the activations' type: the frozen projections, each low-rank term, the residual.</summary>
    private Value[] AddToRounded(string name, List<Projection> projections, Value?[] inputs)
    {
        List<Value?> frozen = [inputs[0], null, null];
        for (var i = 0; i < projections.Count; i++)
            frozen.AddRange(inputs[Engine.Ops.Linear.FirstInput(i)], inputs[Engine.Ops.Linear.FirstInput(i) + 1], null, null);
        Value[] made = [.. Graph.Add(new Linear([.. projections.Select(projection => projection with { Rank = 0 })], _options.Type), name, [.. frozen])];
        for (var i = 0; i < projections.Count; i++)
        {
            var at = Engine.Ops.Linear.FirstInput(i);
            if (projections[i].Rank > 0)
                made[i] = Graph.Add(new Linear([projections[i] with { Bias = false }], _options.Type), name, inputs[0], made[i], inputs[2], null, null, inputs[at + 2], inputs[at + 3])[0];
        }

        if (inputs[1] is { } residual)
            made[0] = Graph.Add(new Sum(_options.Type), name, residual, made[0])[0];
        return made;
    }

    private Value Norm(string name, Value x, int dim = 0) =>
        Graph.Add(new RmsNorm(_model.Config.NormEpsilon, _options.Type, _model.Config.NormGainOffset), name, x,
            _model.Frozen(name + ".weight", 1, dim > 0 ? dim : _model.Config.HiddenSize))[0];

    private void Head(Value x)
    {
        var config = _model.Config;
        var loss = (_options.Loss ?? new LossOptions()) with { LogitScale = config.LogitScale, SoftCap = config.LogitSoftCap };
        if (_options.Use == DecoderUse.Logits)
        {
            Logits = Graph.Add(new HeadLogits(loss), "lm_head", x, _model.Head)[0];
            Graph.Results.Add(Logits);
            return;
        }

        Scores = Graph.Add(new HeadLoss(loss, _options.Use == DecoderUse.Training), "lm_head", x, _model.Head, Inputs.TargetTokens, Inputs.TargetRows, Inputs.TargetWeights);
        foreach (var score in Scores[..5])
            Graph.Results.Add(score);
    }
}
