using System.Text.Json.Nodes;
using Spectre.Console;

namespace Afina.Cli.Display;

/// <summary>Where a verb writes: for a person on standard output; with --json one object there and everything else on standard error.</summary>
internal sealed class Screen
{
    /// <summary>Chooses the streams.</summary>
    public Screen(bool json, bool quiet = false)
    {
        (IsJson, IsQuiet) = (json, quiet);
        Text = json ? Console.Error : Console.Out;
        IsInteractive = !quiet && !(json ? Console.IsErrorRedirected : Console.IsOutputRedirected) && Environment.GetEnvironmentVariable("TERM") != "dumb";
    }

    /// <summary>Columns of the terminal; elsewhere lines are as long as they are.</summary>
    public int Width => IsInteractive ? Ansi().Profile.Width : int.MaxValue;

    /// <summary>Whether the result is one object of JSON.</summary>
    public bool IsJson { get; }

    /// <summary>Whether only the result is written.</summary>
    public bool IsQuiet { get; }

    /// <summary>Whether lines may be drawn anew.</summary>
    public bool IsInteractive { get; }

    /// <summary>Where lines for a person go.</summary>
    public TextWriter Text { get; }

    /// <summary>A console of the same stream, for what is drawn anew.</summary>
    public IAnsiConsole Ansi() => AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Text) });

    /// <summary>A line for a person; on a terminal broken between words.</summary>
    public void Line(string text = "")
    {
        if (IsQuiet)
            return;
        foreach (var line in Wrapping.Lines(OneLine.Of(text), Width))
            Text.WriteLine(line);
    }

    /// <summary>A line that warns; on standard error, quiet or not.</summary>
    public static void Warn(string text) => Error($"note: {text}");

    /// <summary>A line that says what is wrong; one line, however long, unless a person reads it on a terminal.</summary>
    public static void Error(string text)
    {
        var width = Console.IsErrorRedirected ? int.MaxValue : AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }).Profile.Width;
        foreach (var line in Wrapping.Lines($"afina: {OneLine.Of(text)}", width))
            Console.Error.WriteLine(line);
    }

    /// <summary>The object of --json.</summary>
    public void Result(JsonObject result)
    {
        if (!IsJson)
            return;
        Text.Flush();
        Console.Out.WriteLine(result.ToJsonString());
    }
}
