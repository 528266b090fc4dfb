using System.Text.RegularExpressions;

namespace Afina.Formats.Peft;

/// <summary>What a tensor of an adapter is to its module.</summary>
public enum AdapterPart
{
    /// <summary>[r, in].</summary>
    LoraA,

    /// <summary>[out, r].</summary>
    LoraB,

    /// <summary>[out], <c>lora_bias</c>.</summary>
    LoraBBias,

    /// <summary>[r, vocabulary].</summary>
    EmbeddingA,

    /// <summary>[dimension, r].</summary>
    EmbeddingB,

    /// <summary>DoRA's norms.</summary>
    Magnitude,

    /// <summary>Whole trained rows of an embedding.</summary>
    TokenRows,

    /// <summary>The weight or bias of an adapted module's base.</summary>
    Base,

    /// <summary>A parameter of a module that is stored whole, or a trained bias.</summary>
    Whole,
}

/// <summary>A key of adapter_model.safetensors, taken apart.</summary>
/// <param name="Module">The module's path in the Hugging Face model.</param>
/// <param name="Part">What the tensor is to it.</param>
/// <param name="Parameter"><c>weight</c> or <c>bias</c>, for <see cref="AdapterPart.Base"/> and <see cref="AdapterPart.Whole"/>.</param>
public sealed record AdapterKey(string Module, AdapterPart Part, string Parameter = "")
{
    /// <summary>The key as PEFT writes it.</summary>
    public override string ToString() => AdapterKeys.Prefix + Module + Part switch
    {
        AdapterPart.LoraA => ".lora_A.weight",
        AdapterPart.LoraB => ".lora_B.weight",
        AdapterPart.LoraBBias => ".lora_B.bias",
        AdapterPart.EmbeddingA => ".lora_embedding_A",
        AdapterPart.EmbeddingB => ".lora_embedding_B",
        AdapterPart.Magnitude => ".lora_magnitude_vector",
        AdapterPart.TokenRows => ".token_adapter.trainable_tokens_delta",
        AdapterPart.Base => ".base_layer." + Parameter,
        _ => "." + Parameter,
    };
}

/// <summary>The names of an adapter's tensors, in the forms that PEFT's versions have written.</summary>
public static partial class AdapterKeys
{
    /// <summary>Begins every key.</summary>
    public const string Prefix = "base_model.model.";

    /// <summary>The key as PEFT writes it today; null for copies of base weights that older versions stored too.</summary>
    public static string? Canonical(string key)
    {
        if (key.Contains(".original_module.", StringComparison.Ordinal))
            return null;
        if (!key.StartsWith(Prefix, StringComparison.Ordinal))
            key = Prefix + key;
        if (Factor().Match(key) is { Success: true } factor)
            return $"{factor.Groups[1]}.{factor.Groups[2]}";
        if (Bare().Match(key) is { Success: true } bare)
            return bare.Groups[1].Value;
        return Saved().Match(key) is { Success: true } saved ? $"{saved.Groups[1]}.{saved.Groups[2]}" : key;
    }

    /// <summary>Takes a canonical key apart.</summary>
    public static AdapterKey Parse(string key)
    {
        var path = key.StartsWith(Prefix, StringComparison.Ordinal) ? key[Prefix.Length..] : key;
        foreach (var (ending, part) in Endings)
        {
            if (path.EndsWith(ending, StringComparison.Ordinal))
                return new AdapterKey(path[..^ending.Length], part);
        }

        var dot = path.LastIndexOf('.');
        var (module, parameter) = dot < 0 ? ("", path) : (path[..dot], path[(dot + 1)..]);
        const string BaseLayer = ".base_layer";
        return module.EndsWith(BaseLayer, StringComparison.Ordinal)
            ? new AdapterKey(module[..^BaseLayer.Length], AdapterPart.Base, parameter)
            : new AdapterKey(module, AdapterPart.Whole, parameter);
    }

    /// <summary>Requires an adapter to have exactly these tensors.</summary>
    /// <exception cref="InvalidDataException">It names what is missing and what is too much, with the nearest other key.</exception>
    public static void Require(IReadOnlyCollection<string> expected, IReadOnlyCollection<string> found, string where)
    {
        var missing = expected.Except(found).Order(StringComparer.Ordinal).ToArray();
        var extra = found.Except(expected).Order(StringComparer.Ordinal).ToArray();
        if (missing.Length == 0 && extra.Length == 0)
            return;
        var parts = new List<string>();
        if (missing.Length > 0)
            parts.Add($"{missing.Length} of {expected.Count} tensors are missing: {List(missing, extra)}");
        if (extra.Length > 0)
            parts.Add($"{extra.Length} tensors fit nothing in this model: {List(extra, missing)}");
        throw Refusal.For($"{where}: the adapter was made for another model or other target_modules: {string.Join("; ", parts)}");
    }

    private static readonly (string Ending, AdapterPart Part)[] Endings =
    [
        (".lora_A.weight", AdapterPart.LoraA),
        (".lora_B.weight", AdapterPart.LoraB),
        (".lora_B.bias", AdapterPart.LoraBBias),
        (".lora_embedding_A", AdapterPart.EmbeddingA),
        (".lora_embedding_B", AdapterPart.EmbeddingB),
        (".lora_magnitude_vector", AdapterPart.Magnitude),
        (".token_adapter.trainable_tokens_delta", AdapterPart.TokenRows),
    ];

    private static string List(string[] keys, string[] others)
    {
        const int Shown = 3;
        var shown = keys.Take(Shown).Select(key => $"'{key}'{NearestName.Hint(key, others.Take(1000))}");
        return string.Join(", ", shown) + (keys.Length > Shown ? $" and {keys.Length - Shown} more" : "");
    }

    // The name of the adapter stands inside the keys of a model that was saved without PEFT's own saving.
    [GeneratedRegex(@"\A(.*\.lora_[AB])\.(?:.+\.)?(weight|bias)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Factor();

    [GeneratedRegex(@"\A(.*\.(?:lora_embedding_[AB]|lora_magnitude_vector|token_adapter\.trainable_tokens_delta))(?:\..+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Bare();

    [GeneratedRegex(@"\A(.*)\.modules_to_save\.(?:[^.]+\.)?([^.]+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Saved();
}
