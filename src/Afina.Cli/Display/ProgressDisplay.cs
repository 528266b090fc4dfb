using System.Diagnostics;
using Spectre.Console;

namespace Afina.Cli.Display;

/// <summary>Shows how far something has come: one line drawn anew on a terminal, a line every few seconds elsewhere; nothing for what is quick.</summary>
internal sealed class ProgressDisplay(Screen screen)
{
    private const double SecondsUntilShown = 1;
    private const double SecondsBetweenLines = 5;

    private readonly long _begun = Stopwatch.GetTimestamp();
    private double _shownAt;

    /// <summary>Runs what reports its progress: words and the share that is done.</summary>
    public T Show<T>(Func<Action<string, double>, T> work)
    {
        if (screen.IsQuiet)
            return work((_, _) => { });
        if (!screen.IsInteractive)
            return work(Plain);
        var result = default(T);
        screen.Ansi().Live(new Markup("")).AutoClear(true).Start(live =>
            result = work((what, share) =>
            {
                if (Seconds >= SecondsUntilShown)
                    live.UpdateTarget(new Markup(Markup.Escape($"  {what} {share * 100:0} %")));
            }));
        return result!;
    }

    private double Seconds => Stopwatch.GetElapsedTime(_begun).TotalSeconds;

    private void Plain(string what, double share)
    {
        if (Seconds - _shownAt < SecondsBetweenLines)
            return;
        _shownAt = Seconds;
        screen.Line($"  {what} {share * 100:0} %");
    }
}
