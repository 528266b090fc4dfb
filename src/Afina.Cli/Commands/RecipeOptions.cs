using System.CommandLine;
using System.Text.RegularExpressions;
using Afina.Data;
using Afina.Runs;
using Afina.Training.Recipes;

namespace Afina.Cli.Commands;

/// <summary>The arguments that train and plan share: a recipe, files of rows, key=value, and a flag for every setting.</summary>
internal sealed partial class RecipeOptions
{
    private readonly Argument<string[]> _words = new("recipe|rows|key=value")
    {
        Description = "a recipe (.yaml), files of rows (path or path:weight), and settings as key=value",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly List<(RecipeKey Key, Option<string?> Option)> _settings = [];

    /// <summary>Adds them to a command.</summary>
    public RecipeOptions(Command command)
    {
        command.Arguments.Add(_words);
        foreach (var key in RecipeKeys.Effective)
        {
            var option = new Option<string?>("--" + key.Name.Replace('_', '-')) { Description = key.Help, HelpName = "value" };
            switch (key.Name)
            {
                case "base_model":
                    option.Aliases.Add("--base");
                    break;
                case "output_dir":
                    option.Aliases.Add("--output");
                    option.Aliases.Add("-o");
                    break;
            }

            if (key.IsSwitch)
                option.Arity = ArgumentArity.ZeroOrOne;
            _settings.Add((key, option));
            command.Options.Add(option);
        }
    }

    /// <summary>The recipe that a command line describes; later settings win, flags over all.</summary>
    public Recipe Read(ParseResult parsed)
    {
        var words = parsed.GetValue(_words) ?? [];
        var recipe = new Recipe();
        var files = words.Where(IsRecipe).ToArray();
        if (files.Length > 1)
            throw new SettingException($"there are two recipes, {files[0]} and {files[1]}; one describes a run", inFile: false);
        if (files.Length == 1)
        {
            PathHint.Require(files[0]);
            recipe = RecipeReader.Read(files[0]);
        }

        var rows = new List<DataSource>();
        foreach (var word in words.Where(word => !IsRecipe(word)))
        {
            if (word.StartsWith('-') && !File.Exists(word))
            {
                var name = word.Split('=')[0];
                throw new SettingException($"unknown option {name}{RecipeKeys.Hint(name.TrimStart('-'), key => "--" + key.Replace('_', '-'))}", inFile: false);
            }

            if (KeyValue().Match(word) is { Success: true } match)
                recipe = RecipeReader.With(recipe, match.Groups[1].Value, match.Groups[2].Value);
            else
                rows.Add(DataSource.Parse(word));
        }

        if (rows.Count > 0)
            recipe = recipe with { Datasets = rows };
        foreach (var (key, option) in _settings)
        {
            if (parsed.GetResult(option) is not { Implicit: false } result)
                continue;
            recipe = RecipeReader.With(recipe, key.Name, result.Tokens.Count > 0 ? result.Tokens[^1].Value : "true");
        }

        return recipe;
    }

    private static bool IsRecipe(string word) =>
        (word.EndsWith(".yaml", StringComparison.OrdinalIgnoreCase) || word.EndsWith(".yml", StringComparison.OrdinalIgnoreCase)) && !KeyValue().IsMatch(word);

    [GeneratedRegex(@"\A([A-Za-z][A-Za-z0-9_-]*)=(.*)\z", RegexOptions.Singleline)]
    private static partial Regex KeyValue();
}
