namespace Afina.Training.Schedules;

/// <summary>Lowers the rate when a metric stops improving (torch's ReduceLROnPlateau): every evaluation calls <see cref="Observe"/>.</summary>
public sealed class PlateauSchedule : Schedule
{
    internal static readonly string[] OptionNames = ["mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "min_lr", "eps"];

    private readonly double _learningRate, _factor, _threshold, _minimum, _smallest;
    private readonly int _patience, _cooldown;
    private readonly bool _lowerIsBetter, _relative;

    internal PlateauSchedule(double learningRate, ScheduleOptions options)
    {
        _learningRate = learningRate;
        _factor = options.Factor ?? 0.1;
        if (_factor >= 1)
            throw new FormatException($"the schedule reduce_lr_on_plateau needs a factor below 1, not {_factor}");
        _patience = options.Patience ?? 10;
        _cooldown = options.Cooldown ?? 0;
        _threshold = options.Threshold ?? 1e-4;
        _minimum = options.MinLr ?? 0;
        _smallest = options.Eps ?? 1e-8;
        _lowerIsBetter = Choice("mode", options.Mode ?? "min", "min", "max");
        _relative = Choice("threshold_mode", options.ThresholdMode ?? "rel", "rel", "abs");
        State = new PlateauState(learningRate, _lowerIsBetter ? double.PositiveInfinity : double.NegativeInfinity, 0, 0);
    }

    /// <summary>What a checkpoint has to keep; setting it resumes.</summary>
    public PlateauState State { get; set; }

    /// <inheritdoc/>
    public override double Factor(int step) => State.Rate / _learningRate;

    /// <summary>Takes the metric of an evaluation and lowers the rate after more than <c>patience</c> evaluations without improvement.</summary>
    public void Observe(double metric)
    {
        var (rate, best, bad, cooldown) = State;
        if (Improves(metric, best))
            (best, bad) = (metric, 0);
        else
            bad++;
        if (cooldown > 0)
            (cooldown, bad) = (cooldown - 1, 0);
        if (bad > _patience)
        {
            var lower = Math.Max(rate * _factor, _minimum);
            if (rate - lower > _smallest)
                rate = lower;
            (cooldown, bad) = (_cooldown, 0);
        }

        State = new PlateauState(rate, best, bad, cooldown);
    }

    private bool Improves(double metric, double best) => (_lowerIsBetter, _relative) switch
    {
        (true, true) => metric < best * (1 - _threshold),
        (true, false) => metric < best - _threshold,
        (false, true) => metric > best * (_threshold + 1),
        (false, false) => metric > best + _threshold,
    };

    private static bool Choice(string option, string value, string first, string second) =>
        value == first || (value == second
            ? false
            : throw new FormatException($"the schedule option {option} must be {first} or {second}, not '{value}'"));
}

/// <summary>The state of a <see cref="PlateauSchedule"/>: the current rate, the best metric, evaluations without improvement and those left
/// to wait after a reduction.</summary>
public sealed record PlateauState(double Rate, double Best, int BadEvaluations, int Cooldown);
