using Afina.Evaluation;
using Xunit;

namespace Afina.Tests.Evaluation;

/// <summary>Intervals and tests against values from tables.</summary>
public sealed class StatisticsTests
{
    [Theory]
    [InlineData(25, 50, 0.366, 0.634)]
    [InlineData(35, 50, 0.563, 0.809)]
    [InlineData(60, 100, 0.502, 0.691)]
    [InlineData(70, 100, 0.604, 0.781)]
    [InlineData(0, 100, 0, 0.037)]
    [InlineData(100, 100, 0.963, 1)]
    public void Wilsons_interval_is_that_of_the_tables(int right, int rows, double low, double high)
    {
        var interval = Statistics.Wilson(right, rows);

        Assert.Equal(low, interval.Low, 0.0006);
        Assert.Equal(high, interval.High, 0.0006);
    }

    [Theory]
    [InlineData(10, 25, 0.01667)]
    [InlineData(25, 10, 0.01667)]
    [InlineData(0, 0, 1)]
    [InlineData(5, 5, 1)]
    [InlineData(0, 10, 0.001953)]
    public void McNemars_test_is_exact(int first, int second, double p) => Assert.Equal(p, Statistics.McNemar(first, second), 0.00001);

    [Fact]
    public void Drawn_rows_give_the_normal_interval_of_a_mean()
    {
        var random = new Random(1);
        var values = Enumerable.Range(0, 400).Select(_ => random.NextDouble()).ToArray();
        var mean = values.Average();
        var error = Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / 399 / 400);

        var interval = Statistics.Bootstrap(values, [.. Enumerable.Repeat(1, 400)]);

        Assert.Equal(mean - 1.96 * error, interval.Low, 0.2 * error);
        Assert.Equal(mean + 1.96 * error, interval.High, 0.2 * error);
    }

    [Fact]
    public void A_difference_that_every_row_shows_is_sure_though_rows_vary()
    {
        double[] first = [1, 9, 4, 7, 2, 8, 3, 6];
        var second = first.Select(value => value - 0.5).ToArray();

        var interval = Statistics.PairedBootstrap(first, second, [.. Enumerable.Repeat(1, first.Length)]);

        Assert.Equal(-0.5, interval.Low, 9);
        Assert.Equal(-0.5, interval.High, 9);
    }

    [Fact]
    public void The_same_rows_give_the_same_interval_again() =>
        Assert.Equal(Statistics.Bootstrap([1, 2, 3], [1, 1, 1]), Statistics.Bootstrap([1, 2, 3], [1, 1, 1]));
}
