using static Afina.Training.Objectives.Losses.Logistic;

namespace Afina.Training.Objectives.Losses;

/// <summary>The odds-ratio term of ORPO (arXiv 2403.07691): −β·log σ(log odds ratio), to be added to the cross-entropy on the chosen rows.</summary>
internal static class OrpoLoss
{
    /// <summary>The term and what TRL logs: the means of log σ(log odds ratio) and of the log odds ratio itself.</summary>
    internal sealed record Result(PairLoss Loss, double LogOddsRatio, double LogOddsChosen);

    /// <summary>Inputs are mean log-probabilities of the completions' tokens, below 0.</summary>
    public static Result Compute(double beta, double[] chosen, double[] rejected)
    {
        var odds = chosen.Zip(rejected, (c, r) => c - r - (Log1mExp(c) - Log1mExp(r))).ToArray();
        var loss = PairLoss.OfPairs(
            chosen.Length,
            i =>
            {
                var slope = -beta * Sigmoid(-odds[i]);
                return (-beta * LogSigmoid(odds[i]), slope * OddsSlope(chosen[i]), -slope * OddsSlope(rejected[i]));
            },
            [.. chosen.Select(value => beta * value)],
            [.. rejected.Select(value => beta * value)]);
        return new Result(loss, odds.Average(LogSigmoid), odds.Average());
    }

    /// <summary>The derivative of log(p/(1 − p)) by log p: 1/(1 − p).</summary>
    private static double OddsSlope(double logProb) => -1 / Expm1(logProb);
}
