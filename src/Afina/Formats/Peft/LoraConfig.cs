using System.Text.Json;

namespace Afina.Formats.Peft;

/// <summary>The settings of a LoRA adapter, under PEFT's names (<c>LoraConfig</c>, adapter_config.json).</summary>
public sealed record LoraConfig
{
    /// <summary>Rank of the two factors.</summary>
    public int R { get; init; } = 8;

    /// <summary>Numerator of the scaling.</summary>
    public PeftNumber LoraAlpha { get; init; } = 8;

    /// <summary>Dropout on the adapter's input.</summary>
    public PeftNumber LoraDropout { get; init; } = 0.0;

    /// <summary>The adapted modules; null stands for the model type's usual ones.</summary>
    public ModuleNames? TargetModules { get; init; }

    /// <summary>Modules that are never adapted.</summary>
    public ModuleNames? ExcludeModules { get; init; }

    /// <summary>Ranks of single modules: the first matching expression counts.</summary>
    public IReadOnlyList<KeyValuePair<string, PeftNumber>> RankPattern { get; init; } = [];

    /// <summary>Alphas of single modules: the first matching expression counts.</summary>
    public IReadOnlyList<KeyValuePair<string, PeftNumber>> AlphaPattern { get; init; } = [];

    /// <summary>Scaling alpha/√r instead of alpha/r.</summary>
    public bool UseRslora { get; init; }

    /// <summary>DoRA: the norm of every output row is trained apart.</summary>
    public bool UseDora { get; init; }

    /// <summary><c>none</c>, <c>all</c> or <c>lora_only</c>: which biases of the base are trained.</summary>
    public string Bias { get; init; } = "none";

    /// <summary>A trainable bias on lora_B.</summary>
    public bool LoraBias { get; init; }

    /// <summary>Modules that are trained and stored whole.</summary>
    public IReadOnlyList<string>? ModulesToSave { get; init; }

    /// <summary>Layers to which a list of targets is confined.</summary>
    public IReadOnlyList<int>? LayersToTransform { get; init; }

    /// <summary>Names of the list of layers.</summary>
    public IReadOnlyList<string>? LayersPattern { get; init; }

    /// <summary><c>true</c>, <c>false</c> or the name of an initialisation.</summary>
    public string InitLoraWeights { get; init; } = "true";

    /// <summary>The weight is stored as [in, out].</summary>
    public bool FanInFanOut { get; init; }

    /// <summary>Rows of an embedding that are trained, by module; the empty name is the input embedding.</summary>
    public IReadOnlyDictionary<string, int[]>? TrainableTokenIndices { get; init; }

    /// <summary>Keeps adapters of tied weights tied.</summary>
    public bool EnsureWeightTying { get; init; }

    /// <summary><c>CAUSAL_LM</c>, <c>SEQ_CLS</c> ...</summary>
    public string? TaskType { get; init; }

    /// <summary>The base model's id or folder.</summary>
    public string? BaseModelNameOrPath { get; init; }

    /// <summary>The base model's revision.</summary>
    public string? Revision { get; init; }

    /// <summary>The version of PEFT whose format this is.</summary>
    public string? PeftVersion { get; init; }

    /// <summary>Every other member of the file, known to PEFT or not, kept for writing.</summary>
    public IReadOnlyDictionary<string, JsonElement> Other { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>Single layers or patterns are written as a bare value instead of a list, as they were read.</summary>
    internal bool LayersToTransformIsOne { get; init; }

    /// <inheritdoc cref="LayersToTransformIsOne"/>
    internal bool LayersPatternIsOne { get; init; }

    /// <summary>The rank that this adapter's scaling is computed with: alpha/r, or alpha/√r with rsLoRA.</summary>
    public double Scaling(int rank, double alpha) => UseRslora ? alpha / Math.Sqrt(rank) : alpha / rank;
}
