namespace Afina.Training.Objectives.Losses;

/// <summary>The options of direct preference optimization, under TRL's names.</summary>
public sealed record DpoOptions
{
    /// <summary>One loss, or several that are added.</summary>
    public IReadOnlyList<string> LossType { get; init; } = ["sigmoid"];

    /// <summary>The weight of each loss; null counts every one once.</summary>
    public IReadOnlyList<double>? LossWeights { get; init; }

    /// <summary>How strongly the policy is held to the reference.</summary>
    public double Beta { get; init; } = 0.1;

    /// <summary>The share of pairs taken to be labelled the wrong way round; only exo_pair, robust, aot and aot_unpaired read it, as in TRL.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>The divergence whose derivative turns log-ratios into scores.</summary>
    public string FDivergenceType { get; init; } = "reverse_kl";

    /// <summary>The a of <c>alpha_divergence</c>.</summary>
    public double FAlphaDivergenceCoef { get; init; } = 0.5;

    /// <summary>What a token beyond the shorter answer's length counts (<c>ld_alpha</c>); null: as the others.</summary>
    public double? LdAlpha { get; init; }

    /// <summary>The temperature of discopop's blend.</summary>
    public double DiscopopTau { get; init; } = 0.05;

    /// <summary>Refuses unknown names and values without meaning.</summary>
    /// <exception cref="FormatException">With the option, its value and what it can be.</exception>
    public void Validate()
    {
        if (LossType.Count == 0)
            throw new FormatException("loss_type must name at least one loss");
        foreach (var name in LossType)
        {
            if (!DpoLoss.Names.Contains(name))
                throw new FormatException($"unknown loss_type '{name}'{NearestName.Hint(name, DpoLoss.Names)}; there are {string.Join(", ", DpoLoss.Names)}");
            if (FDivergenceType != "reverse_kl" && DpoLoss.NeedsReverseKl.Contains(name))
                throw new FormatException($"the loss {name} is defined for f_divergence_type reverse_kl only, not {FDivergenceType}");
            if (name == "exo_pair" && LabelSmoothing is not (> 0 and < 1))
                throw new FormatException($"the loss exo_pair needs label_smoothing between 0 and 1 (0.001 is usual), not {LabelSmoothing}");
            if (name == "robust" && LabelSmoothing is not (>= 0 and < 0.5))
                throw new FormatException($"the loss robust needs label_smoothing of at least 0 and below 0.5, not {LabelSmoothing}");
        }

        if (LossWeights is { } weights && weights.Count != LossType.Count)
            throw new FormatException($"loss_weights has {weights.Count} numbers for {LossType.Count} losses");
        if (!(Beta > 0))
            throw new FormatException($"beta must be above 0, not {Beta}");
        if (LabelSmoothing is not (>= 0 and < 1))
            throw new FormatException($"label_smoothing must be at least 0 and below 1, not {LabelSmoothing}");
        if (LdAlpha is not (null or (>= 0 and <= 1)))
            throw new FormatException($"ld_alpha must be from 0 to 1, not {LdAlpha}");
        if (!FDivergence.Names.Contains(FDivergenceType))
            throw new FormatException($"unknown f_divergence_type '{FDivergenceType}'{NearestName.Hint(FDivergenceType, FDivergence.Names)}; there are {string.Join(", ", FDivergence.Names)}");
        if (!(DiscopopTau > 0))
            throw new FormatException($"discopop_tau must be above 0, not {DiscopopTau}");
    }
}
