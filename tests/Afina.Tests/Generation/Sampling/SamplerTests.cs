using Afina.Generation.Sampling;
using Xunit;

namespace Afina.Tests.Generation.Sampling;

public sealed class SamplerTests
{
    [Fact]
    public void GreedyTakesTheFirstOfTheLargest() => Assert.Equal(1, new Sampler(greedy: true, 0).Next([1, 3, 3, 2], 0));

    [Fact]
    public void TheSameSeedAndPositionDrawTheSameToken()
    {
        float[] scores = [0, 0, 0, 0, 0, 0, 0, 0];
        var first = Enumerable.Range(0, 50).Select(i => new Sampler(false, 42).Next(scores, i)).ToArray();
        var again = Enumerable.Range(0, 50).Reverse().Select(i => new Sampler(false, 42).Next(scores, i)).Reverse().ToArray();
        Assert.Equal(first, again);
        Assert.NotEqual(first, Enumerable.Range(0, 50).Select(i => new Sampler(false, 43).Next(scores, i)).ToArray());
    }

    [Fact]
    public void DrawsFollowTheProbabilities()
    {
        float[] scores = [MathF.Log(0.5f), float.NegativeInfinity, MathF.Log(0.3f), MathF.Log(0.2f)];
        var counts = new int[4];
        var sampler = new Sampler(false, 5);
        for (var i = 0; i < 20_000; i++)
            counts[sampler.Next(scores, i)]++;
        Assert.Equal(0, counts[1]);
        // Four standard deviations of 20 000 draws.
        Assert.InRange(counts[0], 10_000 - 283, 10_000 + 283);
        Assert.InRange(counts[2], 6_000 - 260, 6_000 + 260);
    }

    [Fact]
    public void NeighbouringSeedsAndPositionsAreUncorrelated()
    {
        var mean = 0.0;
        var product = 0.0;
        const int Count = 10_000;
        for (ulong i = 0; i < Count; i++)
        {
            var a = CounterRandom.Uniform(i, 0) - 0.5;
            var b = CounterRandom.Uniform(i + 1, 1) - 0.5;
            mean += a / Count;
            product += a * b * 12 / Count;
        }

        Assert.InRange(mean, -0.012, 0.012);
        Assert.InRange(product, -0.04, 0.04);
    }

    [Fact]
    public void TheEdgesOfTheUnitIntervalDrawATokenThatExists()
    {
        float[] scores = [float.NegativeInfinity, 0, 0, float.NegativeInfinity];
        Assert.Equal(1, Sampler.Draw(scores, 0));
        Assert.Equal(2, Sampler.Draw(scores, 1));
    }

    [Fact]
    public void LogitsThatAreNotFiniteAreRefused() => Assert.Throws<InvalidDataException>(() => Sampler.Best([1, float.NaN, 2]));
}
