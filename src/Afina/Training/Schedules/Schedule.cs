namespace Afina.Training.Schedules;

/// <summary>A learning-rate schedule: the factor by which each optimizer step's learning rate is multiplied. Names, options and values are
/// those of transformers' <c>lr_scheduler_type</c>.</summary>
public abstract class Schedule
{
    private static readonly Dictionary<string, Entry> Table = new(StringComparer.Ordinal)
    {
        ["linear"] = new([], s => new LinearSchedule(s.Warmup, s.Total)),
        ["cosine"] = new(["num_cycles"], s => new CosineSchedule(s.Warmup, s.Total, s.Options.NumCycles ?? 0.5, 0)),
        ["cosine_with_restarts"] = new(["num_cycles"], s => new CosineRestartsSchedule(s.Warmup, s.Total, s.Options.NumCycles ?? 1)),
        ["polynomial"] = new(["lr_end", "power"], s => new PolynomialSchedule(s.Warmup, s.Total, s.Rate, s.Options.LrEnd ?? 1e-7, s.Options.Power ?? 1)),
        ["constant"] = new([], _ => new ConstantSchedule(0)),
        ["constant_with_warmup"] = new([], s => new ConstantSchedule(s.Warmup)),
        ["inverse_sqrt"] = new(["timescale"], s => new InverseSqrtSchedule(s.Warmup, s.Options.Timescale)),
        ["reduce_lr_on_plateau"] = new(PlateauSchedule.OptionNames, s => new PlateauSchedule(s.Rate, s.Options)),
        ["cosine_with_min_lr"] = new(["num_cycles", "min_lr", "min_lr_rate"],
            s => new CosineSchedule(s.Warmup, s.Total, s.Options.NumCycles ?? 0.5, s.Options.Minimum("cosine_with_min_lr", s.Rate))),
        ["cosine_warmup_with_min_lr"] = new(["num_cycles", "min_lr", "min_lr_rate", "warmup_lr_rate"],
            s => new CosineWarmupSchedule(s.Warmup, s.Total, s.Options.NumCycles ?? 0.5, s.Options.Minimum("cosine_warmup_with_min_lr", s.Rate), s.Options.WarmupLrRate)),
        ["warmup_stable_decay"] = new(["num_decay_steps", "num_stable_steps", "min_lr_ratio", "num_cycles", "warmup_type", "decay_type"],
            s => new WarmupStableDecaySchedule(s.Warmup, s.Total, s.Options)),
    };

    /// <summary>The names that <see cref="Create"/> knows.</summary>
    public static IReadOnlyCollection<string> Names => Table.Keys;

    /// <summary>The factor of an optimizer step, counted from 0.</summary>
    public abstract double Factor(int step);

    /// <summary>The schedule of that name.</summary>
    /// <param name="name">A name of <see cref="Names"/>.</param>
    /// <param name="options">What <c>lr_scheduler_kwargs</c> gives; an option that the schedule does not have is refused.</param>
    /// <param name="warmupSteps">Optimizer steps of warmup (see <see cref="Warmup.Steps"/>).</param>
    /// <param name="totalSteps">Optimizer steps of the whole run.</param>
    /// <param name="learningRate">The run's learning rate, for options that are rates themselves.</param>
    /// <exception cref="FormatException">An unknown name, or options that do not fit it.</exception>
    public static Schedule Create(string name, ScheduleOptions options, int warmupSteps, int totalSteps, double learningRate)
    {
        if (!Table.TryGetValue(name, out var entry))
            throw new FormatException($"unknown learning-rate schedule '{name}'{NearestName.Hint(name, Names)}; there are {string.Join(", ", Names)}");
        if (options.Given().FirstOrDefault(option => !entry.Options.Contains(option)) is { } stranger)
        {
            var known = entry.Options.Length == 0 ? "it has no options" : $"it has {string.Join(", ", entry.Options)}";
            throw new FormatException($"the schedule {name} has no option '{stranger}'; {known}");
        }

        if (warmupSteps < 0 || totalSteps < 0)
            throw new FormatException($"the schedule {name} needs warmup and total steps of at least 0, not {warmupSteps} and {totalSteps}");
        return entry.Make(new Setting(options, warmupSteps, totalSteps, learningRate));
    }

    private readonly record struct Setting(ScheduleOptions Options, int Warmup, int Total, double Rate);

    private sealed record Entry(string[] Options, Func<Setting, Schedule> Make);
}
