using Afina.Training.Objectives.Losses;
using Xunit;

namespace Afina.Tests.Training.Objectives.Losses;

public sealed class PreferenceMetricsTests
{
    [Fact]
    public void AnEqualRewardIsNoSuccess()
    {
        var loss = new PairLoss(0, null, [1, 2, 3], [1, 0, 5], [], []);
        var metrics = PreferenceMetrics.OfPairs(loss).ToDictionary();
        Assert.Equal(1.0 / 3, metrics["rewards/accuracies"]);
        Assert.Equal(0, metrics["rewards/margins"]);
        Assert.Equal((0.0, 5.0, 2.0), (PreferenceMetrics.OfRewards(loss).ToDictionary()["min_reward"], PreferenceMetrics.OfRewards(loss).ToDictionary()["max_reward"], PreferenceMetrics.OfRewards(loss).ToDictionary()["mean_reward"]));
    }

    [Fact]
    public void RowsOfOneKindHaveNoMargin()
    {
        var result = new KtoLoss.Result(0, [], [1, 2], 0.5, []);
        Assert.Equal(["kl", "rewards/chosen"], PreferenceMetrics.OfRows(result, [true, true]).Select(metric => metric.Key));
        Assert.Equal(-1, PreferenceMetrics.OfRows(result, [true, false]).ToDictionary()["rewards/margins"]);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(3, 1)]
    [InlineData(4, 0.5)]
    public void TokensBeyondTheShorterCompletionCountLess(int token, double expected) =>
        Assert.Equal(expected, CompletionWeights.LengthDesensitized(token, 6, 4, 0.5));

    [Fact]
    public void ACertainPolicyHasWeightOne()
    {
        Assert.Equal(1, CompletionWeights.Policy([0, 0], [0, 0]));
        // Two equally probable tokens: log ½ − log(2·¼) = 0.
        Assert.Equal(1, CompletionWeights.Policy([Math.Log(0.5)], [Math.Log(0.5)]), 12);
        Assert.Equal(Math.Exp(-1), CompletionWeights.Policy([-2, -2], [-1, -1]), 12);
    }
}
