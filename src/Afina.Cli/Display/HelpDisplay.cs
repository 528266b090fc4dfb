using System.CommandLine;
using System.CommandLine.Invocation;

namespace Afina.Cli.Display;

/// <summary>What --help shows: usage, examples, arguments and options, as wide as the terminal.</summary>
internal sealed class HelpDisplay(RootCommand root) : SynchronousCommandLineAction
{
    private const int WidestName = 34;

    private static readonly Dictionary<string, string[]> Examples = new(StringComparer.Ordinal)
    {
        ["quickstart"] = ["afina quickstart", "afina quickstart --qlora"],
        ["doctor"] = ["afina doctor"],
        ["plan"] = ["afina plan rows.jsonl", "afina plan rows.jsonl --base FOLDER memory=4GB"],
        ["train"] = ["afina train rows.jsonl", "afina train recipe.yaml lora_r=8 learning_rate=2e-4", "afina train rows.jsonl --base model.gguf --output my-adapter"],
        ["eval"] = ["afina eval valid.jsonl --adapter my-adapter", "afina eval valid.jsonl --base model.gguf --shots 5"],
        ["chat"] = ["afina chat", "afina chat --adapter my-adapter"],
        ["generate"] = ["afina generate \"Do you repair headphones?\" --adapter my-adapter", "afina generate --prompt-file prompt.txt --raw --temperature 0.8"],
        ["merge"] = ["afina merge my-adapter --output merged"],
        ["inspect"] = ["afina inspect my-adapter", "afina inspect rows.jsonl"],
        ["bench train"] = ["afina bench train", "afina bench train --quantize nf4 --profile"],
        ["bench decode"] = ["afina bench decode --base model.gguf"],
        ["bench"] = ["afina bench train --profile", "afina bench decode"],
    };

    /// <summary>Help is given whatever else is wrong or missing.</summary>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var command = parseResult.CommandResult.Command;
        if (command == root)
            return Overview.Show(root);
        var screen = new Screen(json: false);
        screen.Line(command.Description ?? "");
        screen.Line();
        screen.Line($"  afina {Path(command)}{string.Concat(command.Arguments.Select(argument => argument.Arity.MinimumNumberOfValues > 0 ? $" <{argument.Name}>" : $" [{argument.Name}]"))}{(command.Subcommands.Count > 0 ? " <what>" : "")} [options]");
        Table("examples", Examples.GetValueOrDefault(Path(command), []).Select(example => (example, "")));
        Table("what", command.Subcommands.Select(sub => (sub.Name, sub.Description ?? "")));
        Table("arguments", command.Arguments.Select(argument => (argument.Name, argument.Description ?? "")));
        Table("options", command.Options.Where(option => !option.Hidden).Select(option => (Name(option), option.Description ?? "")));
        return 0;

        void Table(string title, IEnumerable<(string Name, string Words)> rows)
        {
            var all = rows.ToList();
            if (all.Count == 0)
                return;
            screen.Line();
            screen.Line(title);
            var width = all.Where(row => row.Words.Length > 0).Select(row => row.Name.Length).Where(length => length <= Math.Min(WidestName, screen.Width / 2)).DefaultIfEmpty(0).Max();
            foreach (var (name, words) in all)
            {
                if (name.Length <= width || words.Length == 0)
                {
                    screen.Line($"  {name.PadRight(words.Length == 0 ? 0 : width)}  {words}".TrimEnd());
                    continue;
                }

                screen.Line($"  {name}");
                screen.Line($"  {new string(' ', width)}  {words}");
            }
        }
    }

    private static string Path(Command command) => command.Parents.OfType<Command>().FirstOrDefault() is { } parent and not RootCommand ? $"{Path(parent)} {command.Name}" : command.Name;

    private static string Name(Option option)
    {
        var names = string.Join(", ", option.Aliases.Append(option.Name).Where(name => !name.StartsWith('/') && name != "-?").OrderBy(name => name.Length).ThenBy(name => name, StringComparer.Ordinal));
        return option.ValueType == typeof(bool) || option.ValueType == typeof(bool?) || option.ValueType == typeof(void) ? names : $"{names} {(option.HelpName ?? option.Name.TrimStart('-')).ToUpperInvariant()}";
    }
}
