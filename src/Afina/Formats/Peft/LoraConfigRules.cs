using System.Text.Json;

namespace Afina.Formats.Peft;

/// <summary>What a LoRA configuration must not combine (PEFT's rules), and what of PEFT Afina does not do.</summary>
public static class LoraConfigRules
{
    private static readonly string[] Biases = ["none", "all", "lora_only"];

    /// <summary>The initialisations whose name says all: the base stays as it is, or it can be computed from the base alone.</summary>
    private static readonly string[] Initialisations = ["true", "false", "gaussian", "olora", "pissa", "orthogonal", "eva", "mica"];

    private static readonly Dictionary<string, string> Unsupported = new(StringComparer.Ordinal)
    {
        ["alora_invocation_tokens"] = "activated LoRA",
        ["arrow_config"] = "Arrow routing",
        ["kasa_config"] = "KaSA",
        ["layer_replication"] = "replicated layers",
        ["megatron_config"] = "Megatron layers",
        ["monteclora_config"] = "MonteCLoRA",
        ["target_parameters"] = "adapters on fused experts' parameters",
        ["use_bdlora"] = "block-diagonal LoRA",
        ["use_qalora"] = "QA-LoRA",
        ["velora_config"] = "VeLoRA",
    };

    /// <summary>Refuses what PEFT refuses and what Afina cannot do.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="where">Begins the message: the file or the recipe.</param>
    /// <exception cref="InvalidDataException">One line: the setting, what is wrong and what can be done.</exception>
    public static void Require(LoraConfig config, string where)
    {
        if (Problem(config) is { } problem)
            throw Refusal.For($"{where}: {problem}");
    }

    private static string? Problem(LoraConfig config)
    {
        foreach (var (name, method) in Unsupported)
        {
            if (config.Other.TryGetValue(name, out var element) && IsGiven(element))
                return $"{name} asks for {method}, which Afina does not do";
        }

        if (config.R <= 0)
            return $"r must be above 0, not {config.R}";
        if (config.RankPattern.FirstOrDefault(entry => entry.Value.Value is var rank && (rank < 1 || rank != Math.Floor(rank))) is { Key: { } expression } wrong)
            return $"rank_pattern gives {expression} the rank {wrong.Value}; a rank is a whole number above 0";
        if (!double.IsFinite(config.LoraAlpha))
            return $"lora_alpha must be a number, not {config.LoraAlpha}";
        if (!(config.LoraDropout >= 0 && config.LoraDropout < 1))
            return $"lora_dropout must be at least 0 and below 1, not {config.LoraDropout}";
        if (!Biases.Contains(config.Bias))
            return $"bias must be none, all or lora_only, not '{config.Bias}'{NearestName.Hint(config.Bias, Biases)}";
        var confined = config.LayersToTransform is { Count: > 0 };
        if (config.TargetModules?.Pattern is not null && (confined || config.LayersPattern is { Count: > 0 }))
            return "layers_to_transform and layers_pattern need target_modules to be a list; put the layers into the expression instead";
        if (config.LayersPattern is { Count: > 0 } && !confined)
            return "layers_pattern needs layers_to_transform";
        if (config.TargetModules?.Names is [])
            return "target_modules is an empty list, so nothing would be adapted";
        return Initialisation(config);
    }

    private static string? Initialisation(LoraConfig config)
    {
        var init = config.InitLoraWeights.ToLowerInvariant();
        if (config.LoraBias && init is not ("true" or "false"))
            return $"lora_bias needs init_lora_weights true or false, not {config.InitLoraWeights}";
        if (config.LoraBias && config.UseDora)
            return "lora_bias cannot be combined with use_dora";
        if (init is "loftq" or "corda" or "lora_ga")
            return $"init_lora_weights {config.InitLoraWeights} changed the base model in training, and Afina cannot repeat that; convert the adapter to plain LoRA first (PEFT: path_initial_model_for_weight_conversion)";
        if (init == "orthogonal" && (config.R % 2 != 0 || config.RankPattern.Any(entry => entry.Value.Value % 2 != 0)))
            return "init_lora_weights orthogonal needs even ranks";
        if (!Initialisations.Contains(init) && !init.StartsWith("pissa_niter_", StringComparison.Ordinal))
            return $"init_lora_weights '{config.InitLoraWeights}' is unknown{NearestName.Hint(init, Initialisations)}";
        return null;
    }

    private static bool IsGiven(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined or JsonValueKind.False => false,
        JsonValueKind.Array => element.GetArrayLength() > 0,
        JsonValueKind.Object => element.EnumerateObject().Any(),
        _ => true,
    };
}
