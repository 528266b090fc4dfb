using Afina.Data;
using Spectre.Console;

namespace Afina.Cli.Display;

/// <summary>Shows an example as the model reads it, with what is learned marked.</summary>
internal static class ExampleDisplay
{
    /// <summary>The example, indented; colours on a terminal, brackets everywhere.</summary>
    public static void Show(Screen screen, IReadOnlyList<ExampleStretch> stretches)
    {
        if (screen.IsQuiet)
            return;
        var markup = string.Concat(stretches.Select(stretch => stretch.Trained
            ? $"[bold green]⟦{Shown(stretch.Text)}⟧[/]"
            : $"[grey]{Shown(stretch.Text)}[/]"));
        screen.Ansi().Write(new Padder(new Markup(markup), new Padding(4, 0, 2, 0)));
        screen.Line($"    ({stretches.Sum(stretch => stretch.Tokens)} tokens, {stretches.Where(stretch => stretch.Trained).Sum(stretch => stretch.Tokens)} of them learned)");
    }

    /// <summary>Line feeds stay, a last one is shown; other control characters go.</summary>
    private static string Shown(string text)
    {
        var shown = string.Concat(text.Where(c => c is '\n' || !char.IsControl(c)));
        return Markup.Escape(shown.EndsWith('\n') && shown.Length < 80 ? shown[..^1] + "↵" : shown);
    }
}
