namespace Afina.Training.Schedules;

/// <summary>Falls in a straight line from 1 at the end of the warmup to 0 at the end of the run.</summary>
internal sealed class LinearSchedule(int warmup, int total) : Schedule
{
    public override double Factor(int step) =>
        Warmup.Linear(step, warmup, out var rise) ? rise : Math.Max(0, (total - step) / (double)Math.Max(1, total - warmup));
}

/// <summary>1 after the warmup.</summary>
internal sealed class ConstantSchedule(int warmup) : Schedule
{
    public override double Factor(int step) => Warmup.Linear(step, warmup, out var rise) ? rise : 1;
}

/// <summary>1/√((s + τ − W)/τ): τ is the timescale, else the warmup W, else 10000.</summary>
internal sealed class InverseSqrtSchedule : Schedule
{
    private readonly int _warmup;
    private readonly double _timescale;

    public InverseSqrtSchedule(int warmup, double? timescale)
    {
        if (timescale <= 0)
            throw new FormatException($"the schedule inverse_sqrt needs a timescale above 0, not {timescale}");
        _warmup = warmup;
        _timescale = timescale ?? (warmup == 0 ? 10_000 : warmup);
    }

    public override double Factor(int step) =>
        Warmup.Linear(step, _warmup, out var rise) ? rise : 1 / Math.Sqrt((step + (_timescale - _warmup)) / _timescale);
}

/// <summary>((lr − end)·(1 − p)^power + end) / lr, with p the share of the run after the warmup.</summary>
internal sealed class PolynomialSchedule : Schedule
{
    private readonly int _warmup, _total;
    private readonly double _rate, _end, _power;

    public PolynomialSchedule(int warmup, int total, double rate, double end, double power)
    {
        if (!(rate > end))
            throw new FormatException($"the schedule polynomial needs lr_end ({end}) below the learning rate ({rate})");
        (_warmup, _total, _rate, _end, _power) = (warmup, total, rate, end, power);
    }

    public override double Factor(int step)
    {
        if (Warmup.Linear(step, _warmup, out var rise))
            return rise;
        // A warmup as long as the run leaves nothing to decay: at its last step the rate has ended (transformers divides by zero).
        if (step > _total || _total <= _warmup)
            return _end / _rate;
        var remaining = 1 - (step - _warmup) / (double)(_total - _warmup);
        return ((_rate - _end) * Math.Pow(remaining, _power) + _end) / _rate;
    }
}
