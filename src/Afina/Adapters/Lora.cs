using Afina.Adapters.Targeting;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Formats.Peft;
using Afina.Models;

namespace Afina.Adapters;

/// <summary>Attaches LoRA (Hu et al. 2021) to a model: makes new adapters, reads and writes PEFT's folders.</summary>
public static class Lora
{
    /// <summary>The modules of a model as adapters see them.</summary>
    internal static IReadOnlyList<ModelModule> Modules(Decoder model)
    {
        var modules = new List<ModelModule> { new("model.embed_tokens", ModuleKind.Embedding) };
        modules.AddRange(model.Modules.Select(module => new ModelModule(module.Name, ModuleKind.Linear)));
        modules.AddRange(model.Weights.All.Keys.Where(name => name.EndsWith("norm.weight", StringComparison.Ordinal)).Select(name => new ModelModule(name[..^".weight".Length], ModuleKind.Norm)));
        modules.Add(new ModelModule("lm_head", ModuleKind.Linear, IsHead: true));
        return modules;
    }

    /// <summary>A new adapter with PEFT's initialization: A uniform in ±1/√inputs (or Gaussian with deviation 1/r), B zero, so that the
    /// adapted model starts as the base.</summary>
    /// <returns>The adapter, and the configuration with its targets resolved, as it will be saved.</returns>
    /// <exception cref="FormatException">The configuration chooses nothing, or something unknown.</exception>
    /// <exception cref="NotSupportedException">It asks for a variant that Afina does not train.</exception>
    public static (Adapter Adapter, LoraConfig Config) Create(Decoder model, LoraConfig config, ulong seed)
    {
        LoraConfigRules.Require(config, "adapter");
        var targets = Resolve(model, config, "adapter");
        targets.RequireExact(Modules(model));
        var adapter = Empty(model, targets);
        var counts = new Counts { Seed = seed };
        for (var i = 0; i < adapter.Parameters.Count; i++)
        {
            var parameter = adapter.Parameters[i];
            var key = CounterRandom.Key(counts, ~i);
            var (inputs, rank) = (parameter.Value.Columns, parameter.Value.Rows.Size);
            switch (AdapterKeys.Parse(parameter.Name).Part)
            {
                case AdapterPart.LoraA when config.InitLoraWeights == "gaussian":
                    Fill(adapter.Values(parameter), n => CounterRandom.Normal(key, n) / rank);
                    break;
                case AdapterPart.LoraA:
                    Fill(adapter.Values(parameter), n => (2 * CounterRandom.Uniform(key, n) - 1) / Math.Sqrt(inputs));
                    break;
                case AdapterPart.LoraB when config.InitLoraWeights == "false":
                    Fill(adapter.Values(parameter), n => (2 * CounterRandom.Uniform(key, n) - 1) / Math.Sqrt(inputs));
                    break;
            }
        }

        return (adapter, targets.Config);
    }

    /// <summary>Reads a PEFT folder for a model.</summary>
    /// <exception cref="InvalidDataException">It was made for another model, or is damaged.</exception>
    /// <exception cref="NotSupportedException">It uses a variant that Afina does not run.</exception>
    public static (Adapter Adapter, LoraConfig Config) Load(Decoder model, string path)
    {
        var folder = PeftFolder.Load(path);
        AdapterTargets targets;
        try
        {
            targets = Resolve(model, folder.Config, folder.Name);
        }
        catch (FormatException error)
        {
            throw new InvalidDataException($"{folder.Name}: {error.Message}", error);
        }

        var adapter = Empty(model, targets);
        AdapterKeys.Require([.. adapter.Parameters.Select(parameter => parameter.Name)], [.. folder.Tensors.Keys], folder.Name);
        foreach (var parameter in adapter.Parameters)
        {
            var tensor = folder.Tensors[parameter.Name];
            var shape = Shape(parameter);
            if (!tensor.Shape.AsSpan().SequenceEqual(shape))
                throw new InvalidDataException($"{folder.Name}: tensor '{parameter.Name}' is [{string.Join(", ", tensor.Shape)}], but this model and configuration ask for [{string.Join(", ", shape)}]; the adapter was made for another model");
            tensor.Values.Span.CopyTo(adapter.Values(parameter));
        }

        return (adapter, folder.Config);
    }

    /// <summary>Writes an adapter as a PEFT folder, whole or not at all.</summary>
    public static void Save(string path, Adapter adapter, LoraConfig config, string card) =>
        PeftFolder.Save(path, config, [.. adapter.Parameters.Select(parameter => new PeftTensor(parameter.Name, Shape(parameter), new NativeFloats(adapter.Buffers[parameter.Value], (int)parameter.Count).Memory))], card);

    private static AdapterTargets Resolve(Decoder model, LoraConfig config, string where)
    {
        Refuse(config.UseDora, "use_dora");
        Refuse(config.LoraBias, "lora_bias");
        Refuse(config.ModulesToSave is { Count: > 0 }, "modules_to_save");
        Refuse(config.TrainableTokenIndices is { Count: > 0 }, "trainable_token_indices");
        Refuse(config.Bias == "all", "bias 'all'");
        Refuse(config.InitLoraWeights is not ("true" or "false" or "gaussian"), $"init_lora_weights '{config.InitLoraWeights}'");
        var targets = AdapterTargets.Resolve(config, Modules(model), model.Config.ModelType);
        if (targets.Adapted.FirstOrDefault(module => module.Module.Kind != ModuleKind.Linear || module.Module.IsHead) is { } other)
            throw new NotSupportedException($"{where}: low-rank terms on '{other.Module.Path}' are not supported; choose among the linear layers of the decoder");
        return targets;

        void Refuse(bool asks, string what)
        {
            if (asks)
                throw new NotSupportedException($"{where}: {what} is not supported; plain LoRA, rsLoRA, rank and alpha patterns and bias 'none' or 'lora_only' are");
        }
    }

    private static Adapter Empty(Decoder model, AdapterTargets targets)
    {
        var adapter = new Adapter { Dropout = (float)(double)targets.Config.LoraDropout };
        var modules = model.Modules.ToDictionary(module => module.Name, StringComparer.Ordinal);
        foreach (var adapted in targets.Adapted)
        {
            var module = modules[adapted.Module.Path];
            adapter.Add(module.Name, module.Outputs, module.Inputs, adapted.Rank, (float)adapted.Scaling,
                new AdapterKey(module.Name, AdapterPart.LoraA).ToString(), new AdapterKey(module.Name, AdapterPart.LoraB).ToString());
            if (targets.Config.Bias != "lora_only" || !model.Weights.All.TryGetValue(module.Name + ".bias", out var bias))
                continue;
            var parameter = adapter.AddBias(module.Name, module.Outputs, new AdapterKey(module.Name, AdapterPart.Base, "bias").ToString());
            bias.Decode(0, adapter.Values(parameter));
        }

        return adapter;
    }

    private static long[] Shape(Parameter parameter) =>
        AdapterKeys.Parse(parameter.Name).Part == AdapterPart.Base ? [parameter.Value.Columns] : [parameter.Value.Rows.Size, parameter.Value.Columns];

    private static void Fill(Span<float> values, Func<int, double> value)
    {
        for (var n = 0; n < values.Length; n++)
            values[n] = (float)value(n);
    }
}
