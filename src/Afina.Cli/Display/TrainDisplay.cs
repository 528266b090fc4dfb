using System.Diagnostics;
using Afina.Training;
using Spectre.Console;

namespace Afina.Cli.Display;

/// <summary>Shows a training while it runs: one line that is drawn anew on a terminal, a line every few seconds elsewhere.</summary>
internal sealed class TrainDisplay(Screen screen)
{
    private const double SecondsBetweenLines = 5;
    private const int SparkWidth = 10;
    private const string Bars = "▁▂▃▄▅▆▇█";

    private readonly List<double> _losses = [];
    private readonly long _begun = Stopwatch.GetTimestamp();
    private double _shownAt = double.NegativeInfinity;
    private readonly ProgressDisplay _progress = new(screen);
    private double? _held;
    private double? _heldBefore;
    private StepDone? _step;

    /// <summary>Runs a training whose events are shown.</summary>
    public TrainFinished Show(Func<Action<TrainEvent>, TrainFinished> train)
    {
        if (screen.IsQuiet)
            return train(_ => { });
        if (!screen.IsInteractive)
            return train(Plain);
        TrainFinished? finished = null;
        screen.Ansi().Live(new Markup("")).AutoClear(true).Start(live => finished = train(happened =>
        {
            Note(happened);
            if (happened is Working working)
                live.UpdateTarget(new Markup(Bar.Before(_progress.Words(working.What, working.Share), working.Share, screen.Width)));
            else if (_step is { } step)
                live.UpdateTarget(new Markup(Bar.Before(Line(step), step.Steps == 0 ? 1 : (double)step.Step / step.Steps, screen.Width)));
        }));
        if (_step is not null)
            screen.Line(Line(_step));
        return finished!;
    }

    private void Plain(TrainEvent happened)
    {
        Note(happened);
        var now = Stopwatch.GetElapsedTime(_begun).TotalSeconds;
        switch (happened)
        {
            case StepDone step when now - _shownAt >= SecondsBetweenLines || step.Step == step.Steps:
                _shownAt = now;
                screen.Line(Line(step));
                break;
            case HeldOutMeasured held:
                screen.Line($"  held out {held.Loss:F4} after {held.Step} steps{Preferred(held.Metrics)}{(held.IsBest && held.Step > 0 ? " (best)" : "")}");
                break;
            case Working working when now - Math.Max(_shownAt, 0) >= SecondsBetweenLines:
                _shownAt = now;
                screen.Line(_progress.Words(working.What, working.Share));
                break;
            case Working working:
                _progress.Words(working.What, working.Share);
                break;
            case CheckpointSaved saved:
                screen.Line($"  checkpoint {Path.GetFileName(saved.Path)}");
                break;
        }
    }

    private void Note(TrainEvent happened)
    {
        switch (happened)
        {
            case StepDone step:
                _step = step;
                _losses.Add(step.Loss);
                break;
            case HeldOutMeasured held:
                (_heldBefore, _held) = (_held, held.Loss);
                break;
        }
    }

    /// <summary>The line of a step; on a narrow terminal without what matters least.</summary>
    private string Line(StepDone step)
    {
        var held = _held is { } value ? $"   held out {value:F3}{(_heldBefore is { } before ? value < before ? " ↓" : " ↑" : "")}" : "";
        (int Matters, string Text)[] parts =
        [
            (5, $"  step {step.Step}/{step.Steps}   loss {step.Loss:F3} {Arrow()}"),
            (0, " " + Sparkline()),
            (4, Preferred(step.Metrics)),
            (2, held),
            (1, $"   {step.TokensPerSecond:N0} tokens/s"),
            (3, step.Step < step.Steps ? $"   {Amount.Clock(step.SecondsLeft)} left" : ""),
        ];
        for (var least = 0; ; least++)
        {
            var line = string.Concat(parts.Where(part => part.Matters >= least).Select(part => part.Text)).TrimEnd();
            if (line.Length < screen.Width || least == 5)
                return line;
        }
    }

    /// <summary>By how much the better answers of pairs are ahead, and how many of them are; nothing where there are no pairs.</summary>
    private static string Preferred(IReadOnlyDictionary<string, double> metrics) =>
        metrics.TryGetValue("rewards/margins", out var margin) && metrics.TryGetValue("rewards/accuracies", out var accuracy) ? $"   margin {margin:F3}   accuracy {accuracy * 100:F0} %" : "";

    /// <summary>Whether the loss of the last steps is lower than that of those before.</summary>
    private string Arrow()
    {
        var count = Math.Min(_losses.Count / 2, 10);
        if (count == 0)
            return " ";
        var last = _losses.TakeLast(count).Average();
        var before = _losses.SkipLast(count).TakeLast(count).Average();
        return last < before ? "↓" : "↑";
    }

    private string Sparkline()
    {
        if (_losses.Count < 2)
            return "";
        var width = Math.Min(SparkWidth, _losses.Count);
        var means = Enumerable.Range(0, width).Select(i =>
        {
            var (from, to) = (i * _losses.Count / width, (i + 1) * _losses.Count / width);
            return _losses.Skip(from).Take(Math.Max(to - from, 1)).Average();
        }).ToArray();
        var (low, high) = (means.Min(), means.Max());
        if (!double.IsFinite(high - low))
            return "";
        return string.Concat(means.Select(mean => Bars[high > low ? (int)Math.Round((mean - low) / (high - low) * (Bars.Length - 1)) : 0]));
    }
}
