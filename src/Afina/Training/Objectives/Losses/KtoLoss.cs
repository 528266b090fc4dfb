using static Afina.Training.Objectives.Losses.Logistic;

namespace Afina.Training.Objectives.Losses;

/// <summary>The options of Kahneman-Tversky optimization, under TRL's names.</summary>
internal sealed record KtoOptions
{
    public static readonly IReadOnlyList<string> Names = ["kto", "apo_zero_unpaired"];

    public string LossType { get; init; } = "kto";
    public double Beta { get; init; } = 0.1;
    public double DesirableWeight { get; init; } = 1;
    public double UndesirableWeight { get; init; } = 1;

    /// <summary>Whether the loss needs completions of other prompts to estimate the divergence.</summary>
    public bool NeedsKl => LossType == "kto";

    /// <summary>Refuses unknown names and values without meaning.</summary>
    /// <exception cref="FormatException">With the option, its value and what it can be.</exception>
    public void Validate()
    {
        if (!Names.Contains(LossType))
            throw new FormatException($"unknown loss_type '{LossType}'{NearestName.Hint(LossType, Names)}; there are {string.Join(", ", Names)}");
        if (!(Beta > 0))
            throw new FormatException($"beta must be above 0, not {Beta}");
    }
}

/// <summary>The loss of unpaired rows of wanted and unwanted completions (arXiv 2402.01306).</summary>
internal static class KtoLoss
{
    /// <summary>The loss, its parts and its derivative by the policy's log-probabilities; the divergence is a constant for it.</summary>
    internal sealed record Result(double Mean, double[] PerRow, double[] Rewards, double Kl, double[] Gradient);

    /// <summary>The estimated divergence: the mean log-ratio of mismatched completions, at least 0.</summary>
    public static double Kl(double[] policyKl, double[] referenceKl) =>
        policyKl.Length == 0 ? 0 : Math.Max(0, policyKl.Zip(referenceKl, (policy, reference) => policy - reference).Average());

    /// <summary>Inputs are sums of log-probabilities over the completions.</summary>
    public static Result Compute(KtoOptions options, double[] policy, double[] reference, bool[] wanted, double kl)
    {
        options.Validate();
        if (!options.NeedsKl)
            kl = 0;
        var count = policy.Length;
        var losses = new double[count];
        var rewards = new double[count];
        var gradient = new double[count];
        for (var i = 0; i < count; i++)
        {
            var ratio = policy[i] - reference[i];
            var sign = wanted[i] ? 1 : -1;
            var weight = wanted[i] ? options.DesirableWeight : options.UndesirableWeight;
            var x = sign * options.Beta * (ratio - kl);
            losses[i] = weight * Sigmoid(-x);
            rewards[i] = options.Beta * ratio;
            gradient[i] = -sign * weight * options.Beta * Sigmoid(x) * Sigmoid(-x) / count;
        }

        return new Result(losses.Sum() / count, losses, rewards, kl, gradient);
    }
}
