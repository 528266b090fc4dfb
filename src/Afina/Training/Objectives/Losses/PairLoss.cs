namespace Afina.Training.Objectives.Losses;

/// <summary>A loss over pairs of a chosen and a rejected completion, with its derivatives.</summary>
/// <param name="Mean">The loss of the batch.</param>
/// <param name="PerPair">The loss of every pair; null where the loss couples the pairs.</param>
/// <param name="ChosenRewards">The implicit rewards of the chosen completions.</param>
/// <param name="RejectedRewards">The implicit rewards of the rejected completions.</param>
/// <param name="ChosenGradient">Derivative of <paramref name="Mean"/> by each chosen input.</param>
/// <param name="RejectedGradient">Derivative of <paramref name="Mean"/> by each rejected input.</param>
internal sealed record PairLoss(
    double Mean, double[]? PerPair, double[] ChosenRewards, double[] RejectedRewards, double[] ChosenGradient, double[] RejectedGradient)
{
    /// <summary>The loss of pairs that do not know each other: <paramref name="term"/> gives each one's loss and its two derivatives.</summary>
    public static PairLoss OfPairs(int count, Func<int, (double Loss, double Chosen, double Rejected)> term, double[] chosenRewards, double[] rejectedRewards)
    {
        var losses = new double[count];
        var chosen = new double[count];
        var rejected = new double[count];
        for (var i = 0; i < count; i++)
        {
            (losses[i], chosen[i], rejected[i]) = term(i);
            chosen[i] /= count;
            rejected[i] /= count;
        }

        return new PairLoss(losses.Sum() / count, losses, chosenRewards, rejectedRewards, chosen, rejected);
    }
}
