namespace Afina.Formats.HuggingFace;

/// <summary>The settings of a rotary embedding, read from either style of config.json: <c>rope_theta</c> and <c>rope_scaling</c>
/// (transformers 4) or <c>rope_parameters</c> (transformers 5), the latter for all layers or for each kind of layer.</summary>
/// <param name="Type"><c>default</c>, <c>linear</c>, <c>dynamic</c>, <c>llama3</c>, <c>yarn</c> or <c>longrope</c>.</param>
/// <param name="Theta">The base.</param>
/// <param name="PartialFactor">The share of each head that is rotated, or null where the file does not say.</param>
/// <param name="OriginalPositions">The positions of the model before its context was extended, or null where the file does not say.</param>
/// <param name="Values">The other keys: factor, low_freq_factor, short_factor ...</param>
public sealed record RopeSettings(string Type, double Theta, double? PartialFactor, int? OriginalPositions, ConfigReader Values)
{
    /// <summary>Reads the settings of one kind of layer.</summary>
    /// <param name="config">The whole config.json.</param>
    /// <param name="theta">The base of the model's class where the file names none.</param>
    /// <param name="kind">A value of <c>layer_types</c>, for models whose kinds differ.</param>
    /// <param name="slidingTheta">For classes whose sliding layers have a base of their own (Gemma 3): that base where the file names none.</param>
    /// <returns>The settings, or null for layers without rotation.</returns>
    public static RopeSettings? Read(ConfigReader config, double theta = 10_000, string kind = "full_attention", double? slidingTheta = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        var local = slidingTheta is not null && kind == "sliding_attention";
        var old = config.OptionalObject("rope_scaling");
        if (old is not null && !old.Json.EnumerateObject().Any())
            old = null;
        var current = config.OptionalObject("rope_parameters");
        if (current is not null && IsNested(current) && old is null)
        {
            if (current.Has(kind) && current.OptionalObject(kind) is null)
                return null;
            current = current.OptionalObject(kind);
        }
        else if (local)
        {
            current = null;
        }
        else
        {
            current = old ?? current;
        }

        var defaultTheta = local
            ? config.OptionalNumber("rope_local_base_freq") ?? slidingTheta!.Value
            : config.OptionalNumber("rope_theta") ?? theta;
        var values = current ?? new ConfigReader(JsonFile.ParseObject("{}"u8.ToArray(), config.File), config.File, "rope_parameters.");
        var type = values.OptionalString("rope_type") ?? values.OptionalString("type") ?? "default";
        return new RopeSettings(
            type,
            values.OptionalNumber("rope_theta") ?? defaultTheta,
            values.OptionalNumber("partial_rotary_factor") ?? config.OptionalNumber("partial_rotary_factor"),
            config.Positive("original_max_position_embeddings") ?? values.Positive("original_max_position_embeddings"),
            values);
    }

    private static bool IsNested(ConfigReader parameters)
    {
        var any = false;
        foreach (var entry in parameters.Json.EnumerateObject())
        {
            if (entry.Value.ValueKind is not (System.Text.Json.JsonValueKind.Object or System.Text.Json.JsonValueKind.Null) || !entry.Name.EndsWith("_attention", StringComparison.Ordinal))
                return false;
            any = true;
        }

        return any;
    }
}
