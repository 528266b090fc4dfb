using static Afina.Training.Objectives.Losses.Logistic;

namespace Afina.Training.Objectives.Losses;

/// <summary>The Bradley-Terry loss of a reward model: −log σ(R_chosen − R_rejected − margin), and optionally a pull of the rewards to 0.</summary>
internal static class RewardLoss
{
    /// <summary>The loss and its derivatives by the rewards.</summary>
    /// <param name="chosen">Rewards of the chosen completions.</param>
    /// <param name="rejected">Rewards of the rejected completions.</param>
    /// <param name="margins">By how much the chosen one should be better; null for 0.</param>
    /// <param name="centering">Coefficient of the mean of (R_chosen + R_rejected)²; null for none.</param>
    public static PairLoss Compute(double[] chosen, double[] rejected, double[]? margins, double? centering) => PairLoss.OfPairs(
        chosen.Length,
        i =>
        {
            var x = chosen[i] - rejected[i] - (margins?[i] ?? 0);
            var sum = chosen[i] + rejected[i];
            var pull = centering ?? 0;
            return (-LogSigmoid(x) + pull * sum * sum, -Sigmoid(-x) + 2 * pull * sum, Sigmoid(-x) + 2 * pull * sum);
        },
        chosen,
        rejected);
}
