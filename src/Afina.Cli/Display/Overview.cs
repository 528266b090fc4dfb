using System.CommandLine;

namespace Afina.Cli.Display;

/// <summary>What the program can do, on one screen.</summary>
internal static class Overview
{
    private static readonly (string Title, string[] Verbs)[] Groups =
    [
        ("begin", ["quickstart", "doctor"]),
        ("train", ["plan", "train", "eval"]),
        ("use", ["chat", "generate", "merge", "inspect", "serve", "studio"]),
    ];

    /// <summary>Writes it.</summary>
    public static int Show(RootCommand root)
    {
        var screen = new Screen(json: false);
        screen.Line("Afina fine-tunes language models on a CPU.");
        var shown = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (title, verbs) in Groups)
            Group(title, verbs.Select(verb => root.Subcommands.FirstOrDefault(command => command.Name == verb)).OfType<Command>());
        Group("more", root.Subcommands.Where(command => !shown.Contains(command.Name)));
        screen.Line();
        screen.Line("  Try        afina quickstart");
        screen.Line("  Your rows  afina train my-rows.jsonl");
        screen.Line("  More       afina VERB --help");
        return 0;

        void Group(string title, IEnumerable<Command> commands)
        {
            var any = false;
            foreach (var command in commands)
            {
                if (!any)
                    screen.Line();
                screen.Line($"  {(any ? "" : title),-7}{command.Name,-12}{command.Description}");
                shown.Add(command.Name);
                any = true;
            }
        }
    }
}
