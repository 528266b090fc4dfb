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

    /// <summary>A line for a person.</summary>
    public void Line(string text = "")
    {
        if (!IsQuiet)
            Text.WriteLine(OneLine.Of(text));
    }

    /// <summary>A line that warns; on standard error, quiet or not.</summary>
    public static void Warn(string text) => Console.Error.WriteLine($"afina: note: {OneLine.Of(text)}");

    /// <summary>The object of --json.</summary>
    public void Result(JsonObject result)
    {
        if (!IsJson)
            return;
        Text.Flush();
        Console.Out.WriteLine(result.ToJsonString());
    }
}
