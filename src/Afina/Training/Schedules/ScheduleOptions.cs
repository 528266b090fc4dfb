using System.Globalization;

namespace Afina.Training.Schedules;

/// <summary>The options of the schedules, under the names of transformers' <c>lr_scheduler_kwargs</c>; null means not given.</summary>
public sealed record ScheduleOptions
{
    /// <summary>No options.</summary>
    public static ScheduleOptions None { get; } = new();

    public double? NumCycles { get; init; }
    public double? LrEnd { get; init; }
    public double? Power { get; init; }
    public double? Timescale { get; init; }
    public double? MinLr { get; init; }
    public double? MinLrRate { get; init; }
    public double? WarmupLrRate { get; init; }
    public double? MinLrRatio { get; init; }
    public int? NumDecaySteps { get; init; }
    public int? NumStableSteps { get; init; }
    public string? WarmupType { get; init; }
    public string? DecayType { get; init; }
    public string? Mode { get; init; }
    public double? Factor { get; init; }
    public int? Patience { get; init; }
    public double? Threshold { get; init; }
    public string? ThresholdMode { get; init; }
    public int? Cooldown { get; init; }
    public double? Eps { get; init; }

    /// <summary>Reads names and values as a recipe writes them; unknown names and values that do not fit are refused.</summary>
    /// <exception cref="FormatException">With the name, what is wrong with it and the nearest known one.</exception>
    public static ScheduleOptions Parse(IEnumerable<KeyValuePair<string, string>> options)
    {
        var result = None;
        foreach (var (name, text) in options)
        {
            result = name switch
            {
                "num_cycles" => result with { NumCycles = Number(name, text) },
                "lr_end" => result with { LrEnd = Number(name, text) },
                "power" => result with { Power = Number(name, text) },
                "timescale" => result with { Timescale = Number(name, text) },
                "min_lr" => result with { MinLr = Number(name, text) },
                "min_lr_rate" => result with { MinLrRate = Number(name, text) },
                "warmup_lr_rate" => result with { WarmupLrRate = Number(name, text) },
                "min_lr_ratio" => result with { MinLrRatio = Number(name, text) },
                "num_decay_steps" => result with { NumDecaySteps = Count(name, text) },
                "num_stable_steps" => result with { NumStableSteps = Count(name, text) },
                "warmup_type" => result with { WarmupType = text },
                "decay_type" => result with { DecayType = text },
                "mode" => result with { Mode = text },
                "factor" => result with { Factor = Number(name, text) },
                "patience" => result with { Patience = Count(name, text) },
                "threshold" => result with { Threshold = Number(name, text) },
                "threshold_mode" => result with { ThresholdMode = text },
                "cooldown" => result with { Cooldown = Count(name, text) },
                "eps" => result with { Eps = Number(name, text) },
                _ => throw new FormatException($"unknown schedule option '{name}'{NearestName.Hint(name, All)}"),
            };
        }

        return result;
    }

    /// <summary>The names of the options that are set.</summary>
    internal IEnumerable<string> Given()
    {
        object?[] values =
        [
            NumCycles, LrEnd, Power, Timescale, MinLr, MinLrRate, WarmupLrRate, MinLrRatio, NumDecaySteps, NumStableSteps, WarmupType,
            DecayType, Mode, Factor, Patience, Threshold, ThresholdMode, Cooldown, Eps,
        ];
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i] is not null)
                yield return All[i];
        }
    }

    /// <summary>The lowest factor: exactly one of min_lr and min_lr_rate must be given.</summary>
    internal double Minimum(string schedule, double learningRate) => (MinLr, MinLrRate) switch
    {
        ({ } rate, null) => rate / learningRate,
        (null, { } share) => share,
        (null, null) => throw new FormatException($"the schedule {schedule} needs min_lr or min_lr_rate"),
        _ => throw new FormatException($"the schedule {schedule} takes min_lr or min_lr_rate, not both"),
    };

    private static readonly string[] All =
    [
        "num_cycles", "lr_end", "power", "timescale", "min_lr", "min_lr_rate", "warmup_lr_rate", "min_lr_ratio", "num_decay_steps",
        "num_stable_steps", "warmup_type", "decay_type", "mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "eps",
    ];

    private static double Number(string name, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? value
            : throw new FormatException($"the schedule option {name} must be a number, not '{text}'");

    private static int Count(string name, string text) =>
        Number(name, text) is var value && value == Math.Floor(value) && value is >= 0 and <= int.MaxValue
            ? (int)value
            : throw new FormatException($"the schedule option {name} must be a whole number of at least 0, not '{text}'");
}
