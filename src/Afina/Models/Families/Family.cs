using Afina.Formats.HuggingFace;

namespace Afina.Models.Families;

/// <summary>How one family of models writes its configuration; everything else about it is data in <see cref="DecoderConfig"/>.</summary>
public abstract class Family
{
    private static readonly Family[] All = [new Llama(), new Mistral(), new Qwen2()];

    /// <summary>The <c>model_type</c> values of config.json that it reads.</summary>
    public abstract IReadOnlyList<string> ModelTypes { get; }

    /// <summary>The <c>general.architecture</c> values of GGUF files that it reads.</summary>
    public abstract IReadOnlyList<string> GgufArchitectures { get; }

    /// <summary>Reads config.json.</summary>
    public abstract DecoderConfig Read(ConfigReader config);

    /// <summary>Whether GGUF files hold the rows of q and k in pairs (i, i + 1) instead of halves.</summary>
    public virtual bool GgufPermutes => false;

    /// <summary>The family of a config.json.</summary>
    /// <exception cref="NotSupportedException">Afina does not know the family.</exception>
    public static Family Of(ConfigReader config)
    {
        var type = config.RequiredString("model_type");
        return All.FirstOrDefault(family => family.ModelTypes.Contains(type))
            ?? throw new NotSupportedException($"{config.File}: model_type '{type}' is not supported; Afina reads {string.Join(", ", All.SelectMany(family => family.ModelTypes))}");
    }

    /// <summary>The family of a GGUF file.</summary>
    /// <exception cref="NotSupportedException">Afina does not know the family.</exception>
    public static Family OfGguf(string architecture, string file) =>
        All.FirstOrDefault(family => family.GgufArchitectures.Contains(architecture))
            ?? throw new NotSupportedException($"{file}: general.architecture '{architecture}' is not supported; Afina reads {string.Join(", ", All.SelectMany(family => family.GgufArchitectures))}");

    /// <summary>A rotary embedding for heads of <paramref name="headDim"/> elements.</summary>
    protected static RotaryConfig Rotary(ConfigReader config, int headDim, int maxPositions, double theta = 10_000)
    {
        var rope = RopeSettings.Read(config, theta)!;
        var values = rope.Values;
        var original = rope.OriginalPositions ?? maxPositions;
        var known = rope.Type is "default" or "linear" or "dynamic" or "llama3" or "yarn" or "longrope";
        if (!known)
            throw values.Wrong("rope_type", "must be default, linear, dynamic, llama3, yarn or longrope");
        var dim = (int)(headDim * (rope.PartialFactor ?? 1));
        if (dim < 2 || dim > headDim || dim % 2 != 0)
            throw values.Wrong("partial_rotary_factor", $"leaves {dim} rotated elements of a head of {headDim}, which must be an even number");
        var factor = rope.Type == "default" ? 1 : values.OptionalNumber("factor") ?? (rope.Type is "yarn" or "longrope" ? maxPositions / (double)original : values.RequiredNumber("factor"));
        if (factor <= 0)
            throw values.Wrong("factor", "must be above 0");
        var result = new RotaryConfig
        {
            Type = rope.Type,
            Dim = dim,
            Theta = rope.Theta > 0 ? rope.Theta : throw values.Wrong("rope_theta", "must be above 0"),
            MaxPositions = maxPositions,
            OriginalMaxPositions = original,
            Factor = factor,
            LowFrequencyFactor = values.OptionalNumber("low_freq_factor") ?? 1,
            HighFrequencyFactor = values.OptionalNumber("high_freq_factor") ?? 4,
            BetaFast = values.OptionalNumber("beta_fast") ?? 32,
            BetaSlow = values.OptionalNumber("beta_slow") ?? 1,
            Truncate = values.OptionalBool("truncate") ?? true,
            GivenAttentionFactor = values.OptionalNumber("attention_factor"),
            MScale = values.OptionalNumber("mscale"),
            MScaleAllDim = values.OptionalNumber("mscale_all_dim"),
            ShortFactors = values.OptionalNumbers("short_factor") ?? [],
            LongFactors = rope.Type == "longrope" ? values.OptionalNumbers("long_factor") ?? [] : [],
        };
        if (rope.Type == "longrope" && (result.ShortFactors.Count != dim / 2 || result.LongFactors.Count != dim / 2))
            throw values.Wrong("long_factor", $"and short_factor must have {dim / 2} entries each");
        return result;
    }
}
