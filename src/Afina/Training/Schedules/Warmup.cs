namespace Afina.Training.Schedules;

/// <summary>The beginning of a run, in which the learning rate rises.</summary>
public static class Warmup
{
    /// <summary>Optimizer steps of warmup: a value of at least 1 counts steps, a smaller one is a share of the run, rounded up as
    /// transformers does.</summary>
    /// <exception cref="FormatException">Negative, not finite, or more than one step but not whole.</exception>
    public static int Steps(double warmup, int totalSteps)
    {
        if (!double.IsFinite(warmup) || warmup < 0 || warmup > int.MaxValue)
            throw new FormatException($"warmup must be a share below 1 or a number of steps, not {warmup}");
        return warmup >= 1 ? (int)warmup : (int)Math.Ceiling(totalSteps * warmup);
    }

    /// <summary>The linear rise from 0; 1 from <paramref name="warmupSteps"/> on.</summary>
    internal static bool Linear(int step, int warmupSteps, out double factor)
    {
        factor = step < warmupSteps ? step / (double)Math.Max(1, warmupSteps) : 1;
        return step < warmupSteps;
    }
}
