using Afina.Training.Objectives.Losses;
using Xunit;

namespace Afina.Tests.Training.Objectives.Losses;

public sealed class LossTests
{
    /// <summary>A chosen completion of 10 tokens with log-ratio 1.5 and a rejected one of 8 with −0.7.</summary>
    private static readonly PairLogProbs Pair = new([-8.5], [-12.7], [-10], [-12], [10], [8]);

    public static TheoryData<string> DpoNames => [.. DpoLoss.Names];

    [Theory]
    [InlineData("sigmoid", 0, 0.589185019)]
    [InlineData("sigmoid", 0.2, 0.589185019)]
    [InlineData("hinge", 0, 0.78)]
    [InlineData("ipo", 0, 22.681406250)]
    [InlineData("exo_pair", 1e-3, 2.388897559)]
    [InlineData("nca_pair", 0, 1.335815349)]
    [InlineData("robust", 0.1, 0.561685019)]
    [InlineData("bco_pair", 0, 1.279716603)]
    [InlineData("sppo_hard", 0, 30.74)]
    [InlineData("aot_unpaired", 0, 0.589185019)]
    [InlineData("apo_zero", 0, 0.945077297)]
    [InlineData("apo_down", 0, 0.982650610)]
    [InlineData("discopop", 0, 0.799931393)]
    [InlineData("sigmoid_norm", 0, 0.681342687)]
    public void DpoHasTheValuesOfItsFormulas(string name, double smoothing, double expected) =>
        Assert.Equal(expected, DpoLoss.Compute(new DpoOptions { LossType = [name], LabelSmoothing = smoothing }, Pair).Mean, 8);

    [Fact]
    public void WithoutAnyDifferenceFromTheReferenceTheLossIsLogTwo()
    {
        var batch = Pair with { ReferenceChosen = Pair.PolicyChosen, ReferenceRejected = Pair.PolicyRejected };
        var loss = DpoLoss.Compute(new DpoOptions(), batch);
        Assert.Equal(Math.Log(2), loss.Mean, 14);
        Assert.Equal([0.0], loss.ChosenRewards);
    }

    [Theory]
    [MemberData(nameof(DpoNames))]
    public void DpoDerivativesAreThoseOfFiniteDifferences(string name)
    {
        var batch = Batch();
        foreach (var divergence in FDivergence.Names.Where(divergence => divergence == "reverse_kl" || !DpoLoss.NeedsReverseKl.Contains(name)))
        {
            var options = new DpoOptions { LossType = [name, "sigmoid"], LossWeights = [0.7, 0.3], Beta = 0.3, LabelSmoothing = 0.1, DiscopopTau = 0.5, FDivergenceType = divergence };
            CheckDerivatives(batch.PolicyChosen, DpoLoss.Compute(options, batch).ChosenGradient, () => DpoLoss.Compute(options, batch).Mean);
            CheckDerivatives(batch.PolicyRejected, DpoLoss.Compute(options, batch).RejectedGradient, () => DpoLoss.Compute(options, batch).Mean);
        }
    }

    [Fact]
    public void PairWeightsScaleEachPairsLoss()
    {
        var batch = Batch();
        var plain = DpoLoss.Compute(new DpoOptions(), batch);
        var weighted = DpoLoss.Compute(new DpoOptions(), batch, [1, 0, 2, 0]);
        Assert.Equal((plain.PerPair![0] + 2 * plain.PerPair[2]) / 4, weighted.Mean, 12);
        Assert.Equal(0, weighted.ChosenGradient[1]);
    }

    [Theory]
    [InlineData("sigmoid")]
    [InlineData("hinge")]
    [InlineData("ipo")]
    [InlineData("simpo")]
    [InlineData("alphapo")]
    public void CpoDerivativesAreThoseOfFiniteDifferences(string name)
    {
        double[] chosen = [-0.9, -0.2, -1.7], rejected = [-1.4, -2.1, -0.6];
        foreach (var alpha in new[] { 0, 0.25 })
        {
            var options = new CpoOptions { LossType = name, Beta = 1.5, LabelSmoothing = 0.1, Alpha = alpha };
            CheckDerivatives(chosen, CpoLoss.Compute(options, chosen, rejected).ChosenGradient, () => CpoLoss.Compute(options, chosen, rejected).Mean);
            CheckDerivatives(rejected, CpoLoss.Compute(options, chosen, rejected).RejectedGradient, () => CpoLoss.Compute(options, chosen, rejected).Mean);
        }
    }

    [Theory]
    [InlineData(0.1, 0.5, 0.943248946)]
    [InlineData(2, 1, 0.693147181)]
    public void SimpoSubtractsItsMargin(double beta, double gamma, double expected) =>
        Assert.Equal(expected, CpoLoss.Compute(new CpoOptions { LossType = "simpo", Beta = beta, SimpoGamma = gamma }, [-0.9], [-1.4]).Mean, 8);

    [Fact]
    public void OrpoComparesOddsAndIsExactNearOne()
    {
        var result = OrpoLoss.Compute(0.1, [-0.9], [-1.4]);
        Assert.Equal(0.738680488985795, result.LogOddsChosen, 12);
        Assert.Equal(0.039051652, result.Loss.Mean, 8);
        double[] chosen = [-1e-9, -3], rejected = [-0.5, -0.3];
        var near = OrpoLoss.Compute(0.1, chosen, rejected);
        // log(p/(1 − p)) at p = 1 − 1e-9 is log(1e9) to nine digits.
        Assert.Equal(Math.Log(1e9), near.LogOddsChosen * 2 - (-3 - Math.Log(1 - Math.Exp(-3))) + (-0.5 - Math.Log(1 - Math.Exp(-0.5))) + (-0.3 - Math.Log(1 - Math.Exp(-0.3))), 6);
        CheckDerivatives(rejected, near.Loss.RejectedGradient, () => OrpoLoss.Compute(0.1, chosen, rejected).Loss.Mean);
    }

    [Theory]
    [InlineData(true, 1.5, 0.470035948)]
    [InlineData(false, -0.7, 0.475020813)]
    public void KtoComparesWithTheDivergence(bool wanted, double ratio, double expected) =>
        Assert.Equal(expected, KtoLoss.Compute(new KtoOptions(), [ratio], [0], [wanted], 0.3).Mean, 8);

    [Fact]
    public void KtoDerivativesAreThoseOfFiniteDifferencesAndItsDivergenceIsNeverNegative()
    {
        double[] policy = [-4, -7, -3], reference = [-5, -6, -3.5];
        bool[] wanted = [true, false, true];
        var options = new KtoOptions { Beta = 0.3, DesirableWeight = 1.2, UndesirableWeight = 0.7 };
        CheckDerivatives(policy, KtoLoss.Compute(options, policy, reference, wanted, 0.4).Gradient, () => KtoLoss.Compute(options, policy, reference, wanted, 0.4).Mean);
        Assert.Equal(0, KtoLoss.Kl([-3, -4], [-1, -2]));
        Assert.Equal(1, KtoLoss.Kl([-3, -4], [-4, -5]));
    }

    [Fact]
    public void RewardsAreComparedWithTheirMarginAndPulledToZero()
    {
        Assert.Equal(0.371100666, RewardLoss.Compute([1.2], [0.4], null, null).Mean, 8);
        Assert.Equal(0.554355245, RewardLoss.Compute([1.2], [0.4], [0.5], null).Mean, 8);
        Assert.Equal(0.554355245 + 0.0256, RewardLoss.Compute([1.2], [0.4], [0.5], 0.01).Mean, 8);
        double[] chosen = [1.2, -0.3], rejected = [0.4, 0.9], margins = [0.1, 0];
        CheckDerivatives(chosen, RewardLoss.Compute(chosen, rejected, margins, 0.1).ChosenGradient, () => RewardLoss.Compute(chosen, rejected, margins, 0.1).Mean);
        CheckDerivatives(rejected, RewardLoss.Compute(chosen, rejected, margins, 0.1).RejectedGradient, () => RewardLoss.Compute(chosen, rejected, margins, 0.1).Mean);
    }

    [Fact]
    public void AnUnknownLossIsRefusedWithTheNearest() =>
        Assert.Contains("did you mean sigmoid?", Assert.Throws<FormatException>(() => new DpoOptions { LossType = ["sigmod"] }.Validate()).Message);

    [Fact]
    public void ADivergenceThatTheLossDoesNotReachIsRefused() =>
        Assert.Throws<FormatException>(() => new DpoOptions { LossType = ["apo_zero"], FDivergenceType = "forward_kl" }.Validate());

    [Theory]
    [InlineData(-800, -800)]
    [InlineData(0, -0.6931471805599453)]
    [InlineData(40, -4.248354255291589e-18)]
    public void LogSigmoidKeepsItsDigitsAtBothEnds(double x, double expected) => Assert.Equal(expected, Logistic.LogSigmoid(x), 1e-14 * Math.Abs(expected));

    private static PairLogProbs Batch() => new([-8.5, -3.1, -20, -6], [-12.7, -2.5, -18, -9], [-10, -3, -19, -6.5], [-12, -3.3, -18.5, -7.7], [10, 3, 17, 5], [8, 4, 20, 6]);

    private static void CheckDerivatives(double[] inputs, double[] derivatives, Func<double> loss)
    {
        const double Step = 1e-5;
        for (var i = 0; i < inputs.Length; i++)
        {
            var value = inputs[i];
            inputs[i] = value + Step;
            var above = loss();
            inputs[i] = value - Step;
            var below = loss();
            inputs[i] = value;
            Assert.Equal((above - below) / (2 * Step), derivatives[i], 1e-7 * (1 + Math.Abs(derivatives[i])));
        }
    }
}
