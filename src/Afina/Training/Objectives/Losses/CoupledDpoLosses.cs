using static Afina.Training.Objectives.Losses.Logistic;

namespace Afina.Training.Objectives.Losses;

/// <summary>The DPO losses of a whole batch: distributions compared by optimal transport (arXiv 2406.05882), and plain cross-entropy on the
/// chosen completions.</summary>
internal static class CoupledDpoLosses
{
    /// <summary>The loss; its derivatives times <paramref name="weight"/> are added.</summary>
    public static double Add(
        string name, DpoOptions options, PairLogProbs batch, double[] chosenRatios, double[] rejectedRatios, double weight, double[] chosenGradient, double[] rejectedGradient)
    {
        if (name == "sft")
            return AddCrossEntropy(batch, weight, chosenGradient);
        var count = chosenRatios.Length;
        // Both compare sorted values; the derivative goes back to the place where each value came from.
        var (upper, lower) = name == "aot"
            ? (Sort(Difference(batch.PolicyChosen, batch.PolicyRejected)), Sort(Difference(batch.ReferenceChosen, batch.ReferenceRejected)))
            : (Sort(chosenRatios), Sort(rejectedRatios));
        var loss = 0.0;
        for (var i = 0; i < count; i++)
        {
            var x = options.Beta * (upper.Values[i] - lower.Values[i]);
            loss += -(1 - options.LabelSmoothing) * LogSigmoid(x) - options.LabelSmoothing * LogSigmoid(-x);
            var slope = weight * options.Beta / count * (-(1 - options.LabelSmoothing) * Sigmoid(-x) + options.LabelSmoothing * Sigmoid(x));
            chosenGradient[upper.Places[i]] += slope;
            rejectedGradient[name == "aot" ? upper.Places[i] : lower.Places[i]] -= slope;
        }

        return loss / count;
    }

    private static double AddCrossEntropy(PairLogProbs batch, double weight, double[] chosenGradient)
    {
        var tokens = Math.Max(1, batch.ChosenLengths.Sum(length => (long)length));
        for (var i = 0; i < chosenGradient.Length; i++)
            chosenGradient[i] -= weight / tokens;
        return -batch.PolicyChosen.Sum() / tokens;
    }

    private static double[] Difference(double[] a, double[] b) => [.. a.Zip(b, (left, right) => left - right)];

    private static (double[] Values, int[] Places) Sort(double[] values)
    {
        var sorted = (double[])values.Clone();
        var places = Enumerable.Range(0, values.Length).ToArray();
        Array.Sort(sorted, places);
        return (sorted, places);
    }
}
