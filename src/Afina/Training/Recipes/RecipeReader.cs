using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Afina.Training.Recipes;

/// <summary>Reads recipes: YAML files in the names of axolotl and PEFT, and settings given as <c>key=value</c>. What is not known is refused
/// with its line and the nearest name.</summary>
public static class RecipeReader
{
    private const int Largest = 1 << 20;
    private const int Deepest = 16;

    /// <summary>Reads a recipe file over the defaults.</summary>
    /// <exception cref="SettingException">A setting is unknown or has an impossible value.</exception>
    /// <exception cref="InvalidDataException">It is no YAML of names and values.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static Recipe Read(string path)
    {
        var info = new FileInfo(path);
        if (!info.Exists)
            throw new FileNotFoundException($"no such file: {path}");
        if (info.Length > Largest)
            throw new InvalidDataException($"{path}: a recipe of more than 1 MB is none");
        return Parse(File.ReadAllText(path, Encoding.UTF8), path);
    }

    /// <summary>Reads the text of a recipe.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="file">Its name, for messages.</param>
    public static Recipe Parse(string yaml, string file)
    {
        var recipe = new Recipe();
        if (Root(yaml, file) is not { } root)
            return recipe;
        if (root is not YamlMappingNode map)
            throw new InvalidDataException($"{Setting.Place(root, file)}a recipe is a list of name: value");
        foreach (var (key, value) in map.Children)
        {
            if (key is not YamlScalarNode { Value: { Length: > 0 } name })
                throw new InvalidDataException($"{Setting.Place(key, file)}a setting's name must be a text");
            recipe = Apply(recipe, name, new Setting(name, value, file), Setting.Place(key, file), inFile: true);
        }

        return recipe;
    }

    /// <summary>Changes one setting.</summary>
    /// <param name="recipe">The recipe before.</param>
    /// <param name="key">The setting's name; '-' counts as '_'.</param>
    /// <param name="value">Its value, as YAML would have it.</param>
    /// <exception cref="SettingException">It is unknown, or the value impossible.</exception>
    public static Recipe With(Recipe recipe, string key, string value)
    {
        var name = key.Replace('-', '_');
        YamlNode node = new YamlScalarNode(value);
        if (value.AsSpan().TrimStart() is ['[' or '{', ..])
        {
            try
            {
                node = Root(value, name) ?? node;
            }
            catch (InvalidDataException)
            {
                // A regular expression may begin with a bracket: it stays a text.
            }
        }

        return Apply(recipe, name, new Setting(name, node, null), "", inFile: false);
    }

    private static Recipe Apply(Recipe recipe, string name, Setting setting, string place, bool inFile)
    {
        if (RecipeKeys.Find(name) is not { } key)
            throw new SettingException($"{place}unknown setting {name}{RecipeKeys.Hint(name)}", inFile);
        if (key.Refused is { } reason && !setting.IsEmpty && !IsOff(setting))
            throw new SettingException($"{place}{name}: {reason}", inFile);
        if (setting.IsEmpty || key.Apply is null)
            return recipe;
        var changed = key.Apply(recipe, setting);
        return changed with { Given = new Dictionary<string, string>(changed.Given) { [key.Name] = setting.Shown } };
    }

    private static bool IsOff(Setting setting) => !setting.IsList && !setting.IsMap && setting.Shown.ToLowerInvariant() is "false" or "no" or "0" or "none";

    private static YamlNode? Root(string yaml, string file)
    {
        try
        {
            RequireShallow(yaml, file);
            var stream = new YamlStream();
            stream.Load(new StringReader(yaml));
            return stream.Documents.Count switch
            {
                0 => null,
                1 => stream.Documents[0].RootNode is YamlScalarNode { Value: null or "" } ? null : stream.Documents[0].RootNode,
                _ => throw new InvalidDataException($"{file}: there is more than one document; a recipe is one"),
            };
        }
        catch (YamlException error)
        {
            throw new InvalidDataException($"{file}:{error.Start.Line}:{error.Start.Column}: {(error.InnerException ?? error).Message.ReplaceLineEndings(" ")}", error);
        }
    }

    /// <summary>The tree is built by recursion, so its depth is looked at first; aliases could make a small file a large tree.</summary>
    private static void RequireShallow(string yaml, string file)
    {
        var (parser, depth) = (new Parser(new StringReader(yaml)), 0);
        while (parser.MoveNext())
        {
            depth += parser.Current!.NestingIncrease;
            if (depth > Deepest || parser.Current is AnchorAlias)
                throw new InvalidDataException($"{file}:{parser.Current.Start.Line}: {(depth > Deepest ? "the nesting is too deep for a recipe" : "aliases are not used in recipes; write the value out")}");
        }
    }
}
