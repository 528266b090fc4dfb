namespace Afina.Formats.Peft;

/// <summary>Writes adapter_config.json byte for byte as PEFT does: sorted members, two spaces, no line feed at the end.</summary>
public static class LoraConfigWriter
{
    /// <summary>The version of PEFT whose set of members is written.</summary>
    public const string FormatVersion = "0.21.2";

    /// <summary>The text of the file.</summary>
    public static string Write(LoraConfig config)
    {
        var members = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var name in Absent)
            members[name] = null;
        foreach (var (name, element) in config.Other)
            members[name] = element;
        members.TryAdd("loftq_config", Empty);
        members.TryAdd("megatron_core", "megatron.core");
        members.TryAdd("qalora_group_size", 16);
        members.TryAdd("use_qalora", false);
        members["alpha_pattern"] = Pattern(config.AlphaPattern);
        members["base_model_name_or_path"] = config.BaseModelNameOrPath;
        members["bias"] = config.Bias;
        members["ensure_weight_tying"] = config.EnsureWeightTying;
        members["exclude_modules"] = Modules(config.ExcludeModules);
        members["fan_in_fan_out"] = config.FanInFanOut;
        members["inference_mode"] = true;
        members["init_lora_weights"] = config.InitLoraWeights switch { "true" => true, "false" => false, var name => name };
        members["layers_pattern"] = config is { LayersPatternIsOne: true, LayersPattern: [var pattern] } ? pattern : config.LayersPattern;
        members["layers_to_transform"] = config is { LayersToTransformIsOne: true, LayersToTransform: [var layer] } ? layer : List(config.LayersToTransform);
        members["lora_alpha"] = config.LoraAlpha;
        members["lora_bias"] = config.LoraBias;
        members["lora_dropout"] = config.LoraDropout;
        members["modules_to_save"] = config.ModulesToSave;
        members["peft_type"] = "LORA";
        members["peft_version"] = config.PeftVersion ?? FormatVersion;
        members["r"] = config.R;
        members["rank_pattern"] = Pattern(config.RankPattern);
        members["revision"] = config.Revision;
        members["target_modules"] = Modules(config.TargetModules);
        members["task_type"] = config.TaskType;
        members["trainable_token_indices"] = Tokens(config.TrainableTokenIndices);
        members["use_dora"] = config.UseDora;
        members["use_rslora"] = config.UseRslora;
        return PythonJson.Write(members);
    }

    private static readonly Dictionary<string, object?> Empty = [];

    private static readonly string[] Absent =
    [
        "alora_invocation_tokens", "arrow_config", "auto_mapping", "corda_config", "eva_config", "kasa_config", "layer_replication", "lora_ga_config",
        "megatron_config", "monteclora_config", "target_parameters", "use_bdlora", "velora_config",
    ];

    private static object? Modules(ModuleNames? modules) => modules is null ? null : modules.Pattern ?? (object?)modules.Names;

    private static Dictionary<string, object?> Pattern(IEnumerable<KeyValuePair<string, PeftNumber>> pattern)
    {
        var members = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (expression, number) in pattern)
            members[expression] = number;
        return members;
    }

    private static List<object?>? List(IEnumerable<int>? numbers) => numbers is null ? null : [.. numbers.Select(number => (object?)number)];

    private static object? Tokens(IReadOnlyDictionary<string, int[]>? tokens)
    {
        if (tokens is null)
            return null;
        return tokens.Count == 1 && tokens.TryGetValue("", out var rows)
            ? List(rows)
            : tokens.ToDictionary(entry => entry.Key, entry => (object?)List(entry.Value), StringComparer.Ordinal);
    }
}
