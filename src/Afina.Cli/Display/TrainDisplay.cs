using System.Diagnostics;
using Afina.Training;
using Spectre.Console;

namespace Afina.Cli.Display;

/// <summary>Shows a training while it runs: one line that is drawn anew on a terminal, a line every few seconds elsewhere.</summary>
internal sealed class TrainDisplay(Screen screen)
{
    private const double SecondsBetweenLines = 5;
    private const int SparkWidth = 10;
    private const int WidestBar = 30;
    private const int NarrowestBar = 6;
    private const string Bars = "▁▂▃▄▅▆▇█";

    private readonly List<double> _losses = [];
    private readonly long _begun = Stopwatch.GetTimestamp();
    private double _shownAt = double.NegativeInfinity;
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
        var console = screen.Ansi();
        console.Live(new Markup("")).AutoClear(true).Start(live =>
        {
            live.UpdateTarget(new Markup(Markup.Escape("  measuring the held-out rows ...")));
            finished = train(happened =>
            {
                Note(happened);
                if (happened is StepDone or HeldOutMeasured && _step is not null)
                    live.UpdateTarget(new Markup(Drawn(_step, console.Profile.Width)));
            });
        });
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
                screen.Line($"  held out {held.Loss:F4} after {held.Step} steps{(held.IsBest && held.Step > 0 ? " (best)" : "")}");
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

    private string Line(StepDone step) =>
        $"  step {step.Step}/{step.Steps}   loss {step.Loss:F3} {Arrow()} {Sparkline()}{HeldOut()}   {step.TokensPerSecond:N0} tokens/s{Left(step)}";

    private string Drawn(StepDone step, int columns)
    {
        var line = Line(step);
        var share = step.Steps == 0 ? 1 : (double)step.Step / step.Steps;
        var width = Math.Clamp(columns - line.Length - 10, 0, WidestBar);
        if (width < NarrowestBar)
            return Markup.Escape(line.Length < columns ? line : line[..Math.Max(columns - 1, 0)]);
        var full = (int)(share * width);
        return $"  [green]{new string('━', full)}[/][grey]{new string('━', width - full)}[/] {share * 100,3:F0} %{Markup.Escape(line)}";
    }

    private string HeldOut() => _held is { } held ? $"   held out {held:F3}{(_heldBefore is { } before ? held < before ? " ↓" : " ↑" : "")}" : "";

    private static string Left(StepDone step) => step.Step < step.Steps ? $"   {Amount.Clock(step.SecondsLeft)} left" : "";

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
