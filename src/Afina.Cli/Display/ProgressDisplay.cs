using System.Diagnostics;
using Spectre.Console;

namespace Afina.Cli.Display;

/// <summary>Shows how far something has come and how long it will take: one line drawn anew on a terminal, a line every few seconds
/// elsewhere; nothing for what is quick.</summary>
internal sealed class ProgressDisplay(Screen screen)
{
    private const double SecondsUntilShown = 1;
    private const double SecondsBetweenLines = 5;

    private readonly long _begun = Stopwatch.GetTimestamp();
    private double _shownAt;
    private string _what = "";
    private double _whatBegan;

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
                var words = Words(what, share);
                if (Seconds >= SecondsUntilShown)
                    live.UpdateTarget(new Markup(Bar.Before(words, share, screen.Width)));
            }));
        return result!;
    }

    /// <summary>The words for a person: what, how much of it, how long still.</summary>
    public string Words(string what, double share)
    {
        if (what != _what)
            (_what, _whatBegan) = (what, Seconds);
        var spent = Seconds - _whatBegan;
        var left = share > 0 && share < 1 && spent >= SecondsUntilShown ? $"   {Amount.Clock(spent / share * (1 - share))} left" : "";
        return $"  {what} {share * 100:0} %{left}";
    }

    private double Seconds => Stopwatch.GetElapsedTime(_begun).TotalSeconds;

    private void Plain(string what, double share)
    {
        var words = Words(what, share);
        if (Seconds - _shownAt < SecondsBetweenLines)
            return;
        _shownAt = Seconds;
        screen.Line(words);
    }
}
