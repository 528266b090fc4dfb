using Afina.Formats.Peft;

namespace Afina.Adapters.Targeting;

/// <summary>What a configuration means for a model: which modules are adapted, with which rank and scaling, and which are trained whole.</summary>
/// <param name="Config">The configuration, its targets resolved to a list or an expression.</param>
/// <param name="Adapted">Modules with a low-rank term, in the model's order.</param>
/// <param name="Saved">Modules trained and stored whole.</param>
/// <param name="Unmatched">Names of the lists that choose nothing.</param>
internal sealed record AdapterTargets(LoraConfig Config, IReadOnlyList<AdaptedModule> Adapted, IReadOnlyList<ModelModule> Saved, IReadOnlyList<string> Unmatched)
{
    /// <summary>Applies a configuration to a model's modules.</summary>
    /// <exception cref="FormatException">Nothing is chosen, or something that cannot be adapted; the message lists the names that exist.</exception>
    public static AdapterTargets Resolve(LoraConfig config, IReadOnlyList<ModelModule> modules, string modelType)
    {
        config = config with { TargetModules = Named(config, modules, modelType), ModulesToSave = WithHeads(config) };
        var matcher = new TargetMatcher(config);
        var ranks = new PatternTable(config.RankPattern);
        var alphas = new PatternTable(config.AlphaPattern);
        var adapted = new List<AdaptedModule>();
        foreach (var module in modules.Where(module => matcher.IsTarget(module.Path)))
        {
            if (module.Kind == ModuleKind.Norm)
                throw new FormatException($"target_modules chooses {module.Path}, a norm; only linear layers and embeddings can be adapted (modules_to_save trains it whole)");
            var rank = (int)ranks.Find(module.Path, config.R);
            var alpha = alphas.Find(module.Path, config.LoraAlpha);
            adapted.Add(new AdaptedModule(module, rank, alpha, config.Scaling(rank, alpha)));
        }

        if (adapted.Count == 0)
            throw Nothing(config, modules, matcher);
        var saved = modules.Where(module => (config.ModulesToSave ?? []).Any(name => module.Path.EndsWith(name, StringComparison.Ordinal))).ToArray();
        return new AdapterTargets(config, adapted, saved, Strangers(config, modules));
    }

    /// <summary>Refuses patterns whose meaning would be lost when the adapter is saved, and names that choose nothing: a new adapter is
    /// held to what its recipe says.</summary>
    /// <exception cref="FormatException">With the setting and the nearest name that exists.</exception>
    public void RequireExact(IReadOnlyList<ModelModule> modules)
    {
        if (Unmatched is [var name, ..])
            throw new FormatException($"no module of the model ends in '{name}'{Existing(name, modules)}");
        new PatternTable(Config.RankPattern).RequireAnyOrder("rank_pattern", Adapted.Select(module => module.Module.Path));
        new PatternTable(Config.AlphaPattern).RequireAnyOrder("alpha_pattern", Adapted.Select(module => module.Module.Path));
    }

    /// <summary>A task's own head is always trained whole, whatever its name is of those that exist.</summary>
    private static IReadOnlyList<string>? WithHeads(LoraConfig config)
    {
        var heads = Heads(config.TaskType);
        return heads.Length == 0 ? config.ModulesToSave : [.. heads.Union(config.ModulesToSave ?? [])];
    }

    private static string[] Heads(string? taskType) => taskType switch
    {
        "SEQ_CLS" or "TOKEN_CLS" => ["classifier", "score"],
        "QUESTION_ANS" => ["qa_outputs"],
        _ => [],
    };

    private static ModuleNames Named(LoraConfig config, IReadOnlyList<ModelModule> modules, string modelType)
    {
        var targets = config.TargetModules ?? DefaultTargets.Of(modelType);
        if (!targets.IsAllLinear)
            return targets;
        var heads = modules.Where(module => module.IsHead).Select(module => module.Path).ToHashSet(StringComparer.Ordinal);
        if (config.TaskType == "SEQ_CLS" && !heads.Any())
            heads = [.. new[] { "score", "classifier" }.Where(name => modules.Any(module => TargetMatcher.EndsWith(module.Path, name))).Take(1)];
        var names = modules.Where(module => module.Kind == ModuleKind.Linear && !heads.Any(head => TargetMatcher.EndsWith(module.Path, head))).Select(module => module.Path).ToArray();
        return ModuleNames.List(NameCompaction.Shorten(names, modules.Select(module => module.Path)));
    }

    private static List<string> Strangers(LoraConfig config, IReadOnlyList<ModelModule> modules)
    {
        var names = (config.TargetModules?.Names ?? []).Concat(config.ExcludeModules?.Names ?? [])
            .Where(name => !modules.Any(module => TargetMatcher.EndsWith(module.Path, name)));
        var saved = (config.ModulesToSave ?? []).Except(Heads(config.TaskType)).Where(name => !modules.Any(module => module.Path.EndsWith(name, StringComparison.Ordinal)));
        return [.. names, .. saved];
    }

    private static FormatException Nothing(LoraConfig config, IReadOnlyList<ModelModule> modules, TargetMatcher matcher)
    {
        var targets = config.TargetModules!;
        if (modules.Any(module => matcher.IsNamed(module.Path)))
            return new FormatException($"target_modules {targets} chooses modules, but exclude_modules {config.ExcludeModules?.ToString() ?? "(none)"} and modules_to_save [{string.Join(", ", config.ModulesToSave ?? [])}] take all of them out");
        if (config.LayersToTransform is { Count: > 0 } layers && modules.Any(module => TargetMatcher.EndsWithAny(module.Path, targets.Names)))
            return new FormatException($"target_modules {targets} has no module in the layers [{string.Join(", ", layers)}] of layers_to_transform{(config.LayersPattern is { } pattern ? $" below '{string.Join(", ", pattern)}'" : "")}");
        return new FormatException($"target_modules {targets} chooses no module of the model{Existing(targets.Names?.FirstOrDefault() ?? targets.Pattern!, modules)}");
    }

    private static string Existing(string name, IReadOnlyList<ModelModule> modules)
    {
        var last = modules.Where(module => module.Kind != ModuleKind.Norm).Select(module => module.Path[(module.Path.LastIndexOf('.') + 1)..]).Distinct().ToArray();
        return $"{NearestName.Hint(name[(name.LastIndexOf('.') + 1)..], last)}; its modules end in {string.Join(", ", last)}";
    }
}
