using YamlDotNet.RepresentationModel;

namespace Afina.Training.Recipes;

/// <summary><c>optimizer</c> and <c>optim_args</c>, in the names of transformers.</summary>
internal static class OptimizerArguments
{
    private static readonly string[] Names = ["momentum", "dampening", "nesterov", "scale_parameter", "relative_step", "warmup_init", "clip_threshold", "decay_rate"];

    /// <summary>The name of an optimizer; paged and fused variants compute the same step as the plain one.</summary>
    public static string Name(Setting setting) => setting.Text() switch
    {
        "adamw" or "adamw_torch" or "adamw_torch_fused" or "paged_adamw" or "paged_adamw_32bit" => "adamw_torch",
        "adamw_8bit" or "adamw_bnb_8bit" or "paged_adamw_8bit" => "adamw_bnb_8bit",
        "lion" or "lion_32bit" or "paged_lion" or "paged_lion_32bit" => "lion_32bit",
        "lion_8bit" or "paged_lion_8bit" => "lion_8bit",
        "adafactor" or "sgd" => setting.Text(),
        var other => throw setting.Refuse($"'{other}' is not there; use adamw_torch, adamw_bnb_8bit, lion_32bit, lion_8bit, adafactor or sgd"),
    };

    /// <summary>Settings of one optimizer: a map, or <c>name=value</c> with commas between.</summary>
    public static OptimizerOptions Apply(OptimizerOptions options, Setting setting)
    {
        foreach (var entry in setting.IsMap ? setting.Entries() : Split(setting))
        {
            options = entry.Name switch
            {
                "momentum" => options with { Momentum = entry.Number(0, 0.999999) },
                "dampening" => options with { Dampening = entry.Number(0, 1) },
                "nesterov" => options with { Nesterov = entry.Flag() },
                "scale_parameter" => options with { ScaleParameter = entry.Flag() },
                "relative_step" => options with { RelativeStep = entry.Flag() },
                "warmup_init" => options with { WarmupInit = entry.Flag() },
                "clip_threshold" => options with { ClipThreshold = entry.Number(1e-6, 1e6) },
                "decay_rate" => options with { DecayRate = entry.Number(-10, -1e-6) },
                _ => throw entry.Refuse($"no optimizer has such a setting{NearestName.Hint(entry.Name, Names)}; there are {string.Join(", ", Names)}"),
            };
        }

        return options;
    }

    private static IEnumerable<Setting> Split(Setting setting)
    {
        foreach (var part in setting.Text().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var at = part.IndexOf('=', StringComparison.Ordinal);
            yield return at > 0 ? new Setting(part[..at].Trim(), new YamlScalarNode(part[(at + 1)..].Trim()), null) : throw setting.Refuse($"must be name=value with commas between, not '{part}'");
        }
    }
}
