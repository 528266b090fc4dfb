using static Afina.Training.Objectives.Losses.Logistic;

namespace Afina.Training.Objectives.Losses;

/// <summary>Log-probabilities of a batch of preference pairs, summed over each completion, and the completions' lengths in tokens.</summary>
internal sealed record PairLogProbs(
    double[] PolicyChosen, double[] PolicyRejected, double[] ReferenceChosen, double[] ReferenceRejected, int[] ChosenLengths, int[] RejectedLengths);

/// <summary>The losses of TRL's DPO trainer. With score s = f(policy − reference) of a completion, δ = s_chosen − s_rejected.</summary>
internal static class DpoLoss
{
    /// <summary>Loss of a pair and its derivatives by the two scores.</summary>
    private delegate (double Loss, double Chosen, double Rejected) Term(DpoOptions options, double chosen, double rejected, int chosenLength, int rejectedLength);

    private static readonly Dictionary<string, Term> Terms = new(StringComparer.Ordinal)
    {
        ["sigmoid"] = (o, c, r, _, _) => OfDifference(o.Beta, c - r, x => (-LogSigmoid(x), -Sigmoid(-x))),
        ["hinge"] = (o, c, r, _, _) => OfDifference(o.Beta, c - r, x => (Math.Max(0, 1 - x), x < 1 ? -1 : 0)),
        ["ipo"] = Ipo,
        ["exo_pair"] = (o, c, r, _, _) => OfDifference(o.Beta, c - r, x => Exo(x, o.LabelSmoothing)),
        ["nca_pair"] = Nca,
        ["robust"] = (o, c, r, _, _) => OfDifference(o.Beta, c - r, x => Robust(x, o.LabelSmoothing)),
        ["bco_pair"] = (o, c, r, _, _) => (-LogSigmoid(o.Beta * c) - LogSigmoid(-o.Beta * r), -o.Beta * Sigmoid(-o.Beta * c), o.Beta * Sigmoid(o.Beta * r)),
        ["sppo_hard"] = (o, c, r, _, _) => (Square(c - 0.5 / o.Beta) + Square(r + 0.5 / o.Beta), 2 * (c - 0.5 / o.Beta), 2 * (r + 0.5 / o.Beta)),
        ["apo_zero"] = (o, c, r, _, _) => (1 - Sigmoid(o.Beta * c) + Sigmoid(o.Beta * r), -o.Beta * Bell(o.Beta * c), o.Beta * Bell(o.Beta * r)),
        ["apo_down"] = ApoDown,
        ["discopop"] = (o, c, r, _, _) => OfDifference(o.Beta, c - r, x => Discopop(x, o.DiscopopTau)),
        ["sigmoid_norm"] = SigmoidNorm,
    };

    /// <summary>Losses that compare the pairs of a batch with each other.</summary>
    public static readonly IReadOnlyList<string> Coupled = ["aot", "aot_unpaired"];

    /// <summary>The loss of the chosen answers' tokens, over those of the batch.</summary>
    public const string Supervised = "sft";

    /// <summary>Every name of <c>loss_type</c>.</summary>
    public static readonly IReadOnlyList<string> Names = [.. Terms.Keys, .. Coupled, Supervised];

    /// <summary>Losses that another divergence would not reach, or would change in meaning.</summary>
    public static readonly IReadOnlyList<string> NeedsReverseKl = ["nca_pair", "bco_pair", "sppo_hard", "aot", "aot_unpaired", "apo_zero", "apo_down"];

    /// <summary>The weighted sum of the losses' means, and its derivatives by the policy's log-probabilities.</summary>
    /// <param name="options">The losses.</param>
    /// <param name="batch">The pairs.</param>
    /// <param name="pairWeights">A constant weight of every pair (<c>use_weighting</c>); null counts every pair once.</param>
    public static PairLoss Compute(DpoOptions options, PairLogProbs batch, double[]? pairWeights = null)
    {
        options.Validate();
        var count = batch.PolicyChosen.Length;
        var chosen = batch.PolicyChosen.Zip(batch.ReferenceChosen, (policy, reference) => policy - reference).ToArray();
        var rejected = batch.PolicyRejected.Zip(batch.ReferenceRejected, (policy, reference) => policy - reference).ToArray();
        var mean = 0.0;
        var perPair = options.LossType.Any(name => !Terms.ContainsKey(name)) ? null : new double[count];
        var chosenGradient = new double[count];
        var rejectedGradient = new double[count];
        for (var k = 0; k < options.LossType.Count; k++)
        {
            var name = options.LossType[k];
            var weight = options.LossWeights?[k] ?? 1;
            if (!Terms.TryGetValue(name, out var term))
            {
                mean += weight * CoupledDpoLosses.Add(name, options, batch, chosen, rejected, weight, chosenGradient, rejectedGradient);
                continue;
            }

            for (var i = 0; i < count; i++)
            {
                var (chosenScore, chosenSlope) = FDivergence.Score(options.FDivergenceType, options.FAlphaDivergenceCoef, chosen[i]);
                var (rejectedScore, rejectedSlope) = FDivergence.Score(options.FDivergenceType, options.FAlphaDivergenceCoef, rejected[i]);
                var (loss, byChosen, byRejected) = term(options, chosenScore, rejectedScore, batch.ChosenLengths[i], batch.RejectedLengths[i]);
                var share = weight * (pairWeights?[i] ?? 1);
                mean += share * loss / count;
                if (perPair is not null)
                    perPair[i] += share * loss;
                chosenGradient[i] += share * byChosen * chosenSlope / count;
                rejectedGradient[i] += share * byRejected * rejectedSlope / count;
            }
        }

        double[] Rewards(double[] ratios) => [.. ratios.Select(ratio => options.Beta * ratio)];
        return new PairLoss(mean, perPair, Rewards(chosen), Rewards(rejected), chosenGradient, rejectedGradient);
    }

    /// <summary>A loss of x = β·δ alone.</summary>
    private static (double, double, double) OfDifference(double beta, double difference, Func<double, (double Loss, double Slope)> function)
    {
        var (loss, slope) = function(beta * difference);
        return (loss, beta * slope, -beta * slope);
    }

    private static (double, double, double) Ipo(DpoOptions options, double chosen, double rejected, int chosenLength, int rejectedLength)
    {
        var (lengthChosen, lengthRejected) = (Math.Max(1, chosenLength), Math.Max(1, rejectedLength));
        var error = chosen / lengthChosen - rejected / lengthRejected - 1 / (2 * options.Beta);
        return (error * error, 2 * error / lengthChosen, -2 * error / lengthRejected);
    }

    private static (double, double, double) SigmoidNorm(DpoOptions options, double chosen, double rejected, int chosenLength, int rejectedLength)
    {
        var (lengthChosen, lengthRejected) = (Math.Max(1, chosenLength), Math.Max(1, rejectedLength));
        var x = options.Beta * (chosen / lengthChosen - rejected / lengthRejected);
        var slope = -options.Beta * Sigmoid(-x);
        return (-LogSigmoid(x), slope / lengthChosen, -slope / lengthRejected);
    }

    private static (double, double, double) Nca(DpoOptions options, double chosen, double rejected, int chosenLength, int rejectedLength)
    {
        var (c, r) = (options.Beta * chosen, options.Beta * rejected);
        return (-LogSigmoid(c) - 0.5 * LogSigmoid(-c) - 0.5 * LogSigmoid(-r),
            options.Beta * (-Sigmoid(-c) + 0.5 * Sigmoid(c)),
            options.Beta * 0.5 * Sigmoid(r));
    }

    private static (double, double, double) ApoDown(DpoOptions options, double chosen, double rejected, int chosenLength, int rejectedLength)
    {
        var (c, d) = (options.Beta * chosen, options.Beta * (chosen - rejected));
        return (Sigmoid(c) + 1 - Sigmoid(d), options.Beta * (Bell(c) - Bell(d)), options.Beta * Bell(d));
    }

    /// <summary>The reverse KL divergence of (σ(x), σ(−x)) from the smoothed label (1 − ε, ε).</summary>
    private static (double, double) Exo(double x, double smoothing)
    {
        var q = Sigmoid(x);
        var loss = q * (LogSigmoid(x) - Log1p(-smoothing)) + Sigmoid(-x) * (LogSigmoid(-x) - Math.Log(smoothing));
        return (loss, Bell(x) * (x - Log1p(-smoothing) + Math.Log(smoothing)));
    }

    private static (double, double) Robust(double x, double smoothing) =>
        ((-(1 - smoothing) * LogSigmoid(x) + smoothing * LogSigmoid(-x)) / (1 - 2 * smoothing),
            (-(1 - smoothing) * Sigmoid(-x) - smoothing * Sigmoid(x)) / (1 - 2 * smoothing));

    /// <summary>A blend of the logistic and the exponential loss whose share m = σ(x/τ) is differentiated too.</summary>
    private static (double, double) Discopop(double x, double tau)
    {
        var blend = Sigmoid(x / tau);
        var blendSlope = Bell(x / tau) / tau;
        var (logistic, exponential) = (-LogSigmoid(x), Math.Exp(-x));
        return (logistic * (1 - blend) + exponential * blend,
            -Sigmoid(-x) * (1 - blend) - exponential * blend + (exponential - logistic) * blendSlope);
    }

    /// <summary>The derivative of σ.</summary>
    private static double Bell(double x) => Sigmoid(x) * Sigmoid(-x);

    private static double Square(double x) => x * x;
}
