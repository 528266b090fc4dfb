using static Afina.Training.Objectives.Losses.Logistic;

namespace Afina.Training.Objectives.Losses;

/// <summary>The options of contrastive preference optimization and its relatives SimPO and AlphaPO, under TRL's names.</summary>
internal sealed record CpoOptions
{
    public static readonly IReadOnlyList<string> Names = ["sigmoid", "hinge", "ipo", "simpo", "alphapo"];

    public string LossType { get; init; } = "sigmoid";
    public double Beta { get; init; } = 0.1;
    /// <summary>The share of pairs taken to be labelled the wrong way round; hinge and ipo pass it over.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>The margin of SimPO, in units of the reward.</summary>
    public double SimpoGamma { get; init; } = 0.5;

    /// <summary>Weight of the cross-entropy on the chosen completions, which is added outside of this loss; 0 with simpo proper.</summary>
    public double CpoAlpha { get; init; } = 1;

    /// <summary>AlphaPO's exponent: rewards are (1 − p^−alpha)/alpha instead of log p; 0 keeps log p.</summary>
    public double Alpha { get; init; }

    /// <summary>ipo, simpo and alphapo take the mean log-probability of a completion's tokens, the others the sum.</summary>
    public bool AveragesTokens => LossType is "ipo" or "simpo" or "alphapo";

    /// <summary>Refuses unknown names and values without meaning.</summary>
    /// <exception cref="FormatException">With the option, its value and what it can be.</exception>
    public void Validate()
    {
        if (!Names.Contains(LossType))
            throw new FormatException($"unknown loss_type '{LossType}'{NearestName.Hint(LossType, Names)}; there are {string.Join(", ", Names)}");
        if (!(Beta > 0))
            throw new FormatException($"beta must be above 0, not {Beta}");
        if (LabelSmoothing is not (>= 0 and < 1))
            throw new FormatException($"label_smoothing must be at least 0 and below 1, not {LabelSmoothing}");
    }
}

/// <summary>The losses of TRL's CPO trainer without its cross-entropy term: no reference model.</summary>
internal static class CpoLoss
{
    /// <summary>Inputs are log-probabilities of the completions, sums or means as <see cref="CpoOptions.AveragesTokens"/> says.</summary>
    public static PairLoss Compute(CpoOptions options, double[] chosen, double[] rejected)
    {
        options.Validate();
        return PairLoss.OfPairs(
            chosen.Length,
            i =>
            {
                var (chosenReward, chosenSlope) = Reward(options.Alpha, chosen[i]);
                var (rejectedReward, rejectedSlope) = Reward(options.Alpha, rejected[i]);
                var (loss, slope) = OfDifference(options, chosenReward - rejectedReward);
                return (loss, slope * chosenSlope, -slope * rejectedSlope);
            },
            [.. chosen.Select(value => options.Beta * Reward(options.Alpha, value).Reward)],
            [.. rejected.Select(value => options.Beta * Reward(options.Alpha, value).Reward)]);
    }

    private static (double Loss, double Slope) OfDifference(CpoOptions options, double difference)
    {
        var beta = options.Beta;
        switch (options.LossType)
        {
            case "hinge":
                return (Math.Max(0, 1 - beta * difference), beta * difference < 1 ? -beta : 0);
            case "ipo":
                var error = difference - 1 / (2 * beta);
                return (error * error, 2 * error);
            default:
                var x = beta * (options.LossType == "sigmoid" ? difference : difference - options.SimpoGamma / beta);
                var smoothing = options.LabelSmoothing;
                return (-(1 - smoothing) * LogSigmoid(x) - smoothing * LogSigmoid(-x), beta * (-(1 - smoothing) * Sigmoid(-x) + smoothing * Sigmoid(x)));
        }
    }

    private static (double Reward, double Slope) Reward(double alpha, double logProb)
    {
        if (alpha == 0)
            return (logProb, 1);
        var power = Math.Exp(-alpha * logProb);
        return (-Expm1(-alpha * logProb) / alpha, power);
    }
}
