using Afina.Engine.Execution;

namespace Afina.Evaluation;

/// <summary>A 95 % interval of a measured value.</summary>
/// <param name="Low">Its lower end.</param>
/// <param name="High">Its upper end.</param>
public readonly record struct Interval(double Low, double High);

/// <summary>How sure measured figures are: intervals, and tests of two models on the same rows.</summary>
public static class Statistics
{
    private const double Z = 1.959963984540054;
    private const int Resamples = 2000;
    private const ulong Seed = 1234;

    /// <summary>Wilson's interval of a proportion.</summary>
    public static Interval Wilson(int right, int rows)
    {
        if (rows == 0)
            return new Interval(0, 1);
        double n = rows, p = right / n;
        var middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n);
        var half = Z * Math.Sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n);
        return new Interval(right == 0 ? 0 : Math.Max(0, middle - half), right == rows ? 1 : Math.Min(1, middle + half));
    }

    /// <summary>McNemar's exact test, two-sided: the probability that answers which differ fall so unevenly by chance.</summary>
    /// <param name="onlyFirst">Rows that only the first model has right.</param>
    /// <param name="onlySecond">Rows that only the second has right.</param>
    public static double McNemar(int onlyFirst, int onlySecond)
    {
        var n = onlyFirst + onlySecond;
        var sum = 0.0;
        var log = -n * Math.Log(2);
        for (var k = 0; k <= Math.Min(onlyFirst, onlySecond); k++)
        {
            sum += Math.Exp(log);
            log += Math.Log(n - k) - Math.Log(k + 1);
        }

        return Math.Min(1, 2 * sum);
    }

    /// <summary>The interval of Σ sums / Σ weights when rows are drawn anew, with a fixed seed.</summary>
    public static Interval Bootstrap(IReadOnlyList<double> sums, IReadOnlyList<int> weights) =>
        Percentiles(weights.Count, draw => Ratio(draw, sums, weights));

    /// <summary>The interval of the difference second − first of two such means, both on the same drawn rows.</summary>
    public static Interval PairedBootstrap(IReadOnlyList<double> first, IReadOnlyList<double> second, IReadOnlyList<int> weights) =>
        Percentiles(weights.Count, draw => Ratio(draw, second, weights) - Ratio(draw, first, weights));

    private static double Ratio(int[] draw, IReadOnlyList<double> sums, IReadOnlyList<int> weights)
    {
        var (sum, weight) = (0.0, 0L);
        foreach (var row in draw)
        {
            sum += sums[row];
            weight += weights[row];
        }

        return sum / Math.Max(weight, 1);
    }

    private static Interval Percentiles(int rows, Func<int[], double> statistic)
    {
        if (rows == 0)
            return new Interval(double.NaN, double.NaN);
        var (values, draw, at) = (new double[Resamples], new int[rows], Seed);
        for (var i = 0; i < Resamples; i++)
        {
            for (var j = 0; j < rows; j++)
                draw[j] = (int)(CounterRandom.Mix(at++) % (ulong)rows);
            values[i] = statistic(draw);
        }

        Array.Sort(values);
        return new Interval(values[(int)(Resamples * 0.025)], values[(int)(Resamples * 0.975) - 1]);
    }
}
