namespace Afina.Training.Schedules;

/// <summary>Half a cosine wave (or <c>num_cycles</c> waves) from 1 to the minimum. It rises again past the end, as transformers' does.</summary>
internal sealed class CosineSchedule(int warmup, int total, double cycles, double minimum) : Schedule
{
    public override double Factor(int step)
    {
        if (Warmup.Linear(step, warmup, out var rise))
            return rise;
        var progress = (step - warmup) / (double)Math.Max(1, total - warmup);
        var wave = 0.5 * (1 + Math.Cos(Math.PI * cycles * 2 * progress));
        return Math.Max(0, wave * (1 - minimum) + minimum);
    }
}

/// <summary>Half a cosine wave that starts anew <c>num_cycles</c> times; 0 from the end on.</summary>
internal sealed class CosineRestartsSchedule(int warmup, int total, double cycles) : Schedule
{
    public override double Factor(int step)
    {
        if (Warmup.Linear(step, warmup, out var rise))
            return rise;
        var progress = (step - warmup) / (double)Math.Max(1, total - warmup);
        return progress >= 1 ? 0 : Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * (cycles * progress % 1))));
    }
}

/// <summary>A cosine whose warmup starts above 0: at 1/W, or at <c>warmup_lr_rate</c>.</summary>
internal sealed class CosineWarmupSchedule(int warmup, int total, double cycles, double minimum, double? warmupRate) : Schedule
{
    public override double Factor(int step)
    {
        if (step < warmup)
        {
            return warmupRate is { } start
                ? start + (1 - start) * step / Math.Max(1, warmup - 1)
                : (step + 1) / (double)Math.Max(1, warmup);
        }

        var progress = (step - warmup + 1) / (double)Math.Max(1, total - warmup);
        var wave = 0.5 * (1 + Math.Cos(Math.PI * cycles * 2 * progress));
        return Math.Max(0, wave * (1 - minimum) + minimum);
    }
}
