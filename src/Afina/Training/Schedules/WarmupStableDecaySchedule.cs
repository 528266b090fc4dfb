namespace Afina.Training.Schedules;

/// <summary>Rises from the minimum to 1, stays there, and decays to the minimum in the last steps.</summary>
internal sealed class WarmupStableDecaySchedule : Schedule
{
    private static readonly string[] Shapes = ["linear", "cosine", "1-sqrt"];
    private readonly int _warmup, _stable, _decay;
    private readonly double _minimum, _cycles;
    private readonly string _rise, _fall;

    public WarmupStableDecaySchedule(int warmup, int total, ScheduleOptions options)
    {
        _warmup = warmup;
        _decay = options.NumDecaySteps ?? throw new FormatException("the schedule warmup_stable_decay needs num_decay_steps");
        _stable = options.NumStableSteps ?? total - warmup - _decay;
        _minimum = options.MinLrRatio ?? 0;
        _cycles = options.NumCycles ?? 0.5;
        _rise = Shape("warmup_type", options.WarmupType ?? "linear");
        _fall = Shape("decay_type", options.DecayType ?? "cosine");
    }

    public override double Factor(int step)
    {
        if (step < _warmup)
        {
            var part = step / (double)Math.Max(1, _warmup);
            return Scale(_rise switch
            {
                "linear" => part,
                "cosine" => 0.5 * (1 - Math.Cos(Math.PI * part)),
                _ => 1 - Math.Sqrt(1 - part),
            });
        }

        if (step < _warmup + _stable)
            return 1;
        if (step >= _warmup + _stable + _decay)
            return _minimum;
        var progress = (step - _warmup - _stable) / (double)Math.Max(1, _decay);
        return Scale(_fall switch
        {
            "linear" => 1 - progress,
            "cosine" => 0.5 * (1 + Math.Cos(Math.PI * _cycles * 2 * progress)),
            _ => 1 - Math.Sqrt(progress),
        });
    }

    private double Scale(double share) => Math.Max(0, share * (1 - _minimum) + _minimum);

    private static string Shape(string option, string value) => Array.IndexOf(Shapes, value) >= 0
        ? value
        : throw new FormatException($"the schedule option {option} must be linear, cosine or 1-sqrt, not '{value}'");
}
