using System.Text.Json.Serialization;
using Afina.Data.Ordering;

namespace Afina.Training;

/// <summary>Where a training stands between two steps; parameters and moments lie beside it in a checkpoint.</summary>
public sealed record TrainingState
{
    /// <summary>Steps done.</summary>
    public int Step { get; init; }

    /// <summary>The next example.</summary>
    public DataPosition Position { get; init; }

    /// <summary>Tokens trained on.</summary>
    public long Tokens { get; init; }

    /// <summary>The last held-out loss.</summary>
    public double? LastLoss { get; init; }

    /// <summary>The lowest held-out loss.</summary>
    public double? BestLoss { get; init; }

    /// <summary>Measurements since the lowest one.</summary>
    public int SinceBest { get; init; }

    /// <summary>What the objective's reference said of the targets so far, NaN where it was not asked; kept beside the parameters.</summary>
    [JsonIgnore]
    public float[]? Reference { get; init; }
}
