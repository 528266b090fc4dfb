using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Afina.Training.Recipes;

/// <summary>A value of a recipe with its name and place; what does not fit is refused with both.</summary>
internal sealed class Setting(string name, YamlNode node, string? file)
{
    /// <summary>The setting's name.</summary>
    public string Name { get; } = name;

    /// <summary>The value as it would be shown.</summary>
    public string Shown => node is YamlScalarNode scalar ? scalar.Value ?? "" : Write(node);

    /// <summary>Whether the value is left empty, which counts as not given.</summary>
    public bool IsEmpty => node is YamlScalarNode { Style: ScalarStyle.Plain or ScalarStyle.Any } scalar && scalar.Value is null or "" or "~" or "null" or "Null" or "NULL";

    /// <summary>The exception for this value.</summary>
    public SettingException Refuse(string what) => new($"{Place(node, file)}{Name}: {what}", file is not null);

    public string Text() => node is YamlScalarNode { Value: { } value } ? value : throw Refuse("must be a text");

    public bool Flag() => Text().ToLowerInvariant() switch
    {
        "true" or "yes" or "on" or "1" => true,
        "false" or "no" or "off" or "0" => false,
        var other => throw Refuse($"must be true or false, not '{other}'"),
    };

    public double Number(double least = double.NegativeInfinity, double most = double.PositiveInfinity)
    {
        var text = Text();
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || !double.IsFinite(value))
            throw Refuse($"must be a number, not '{text}'");
        if (value < least || value > most)
            throw Refuse(string.Create(CultureInfo.InvariantCulture, $"is {value}, but must be {(double.IsInfinity(most) ? $"at least {least}" : $"from {least} to {most}")}"));
        return value;
    }

    public int Whole(int least, int most = int.MaxValue) =>
        Number(least, most) is var value && value == Math.Floor(value) ? (int)value : throw Refuse($"must be a whole number, not '{Text()}'");

    /// <summary>Bytes: a number with B, KB, MB, GB, TB, or KiB, MiB, GiB, TiB.</summary>
    public long Bytes()
    {
        var text = Text().Trim().Replace(" ", "", StringComparison.Ordinal);
        foreach (var (unit, size) in ((string, double)[])[("KiB", 1024), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1L << 40), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("K", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12), ("B", 1)])
        {
            if (text.EndsWith(unit, StringComparison.OrdinalIgnoreCase) && double.TryParse(text[..^unit.Length], NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value > 0 && value * size < 1e18)
                return (long)(value * size);
        }

        throw Refuse($"must be an amount such as 2GB or 800MB, not '{Text()}'");
    }

    /// <summary>One of some words; the word's place among them.</summary>
    public string OneOf(params string[] words)
    {
        var text = Text();
        return words.FirstOrDefault(word => string.Equals(word, text, StringComparison.OrdinalIgnoreCase))
            ?? throw Refuse($"must be {string.Join(", ", words[..^1])} or {words[^1]}, not '{text}'{NearestName.Hint(text, words)}");
    }

    /// <summary>The items of a list; a single value is a list of one.</summary>
    public IReadOnlyList<Setting> Items() => node is YamlSequenceNode list ? [.. list.Children.Select((child, i) => new Setting($"{Name}[{i}]", child, file))] : [this];

    public bool IsList => node is YamlSequenceNode;

    public bool IsMap => node is YamlMappingNode;

    /// <summary>The entries of a mapping, in order.</summary>
    public IReadOnlyList<Setting> Entries() => node is YamlMappingNode map
        ? [.. map.Children.Select(entry => new Setting(entry.Key is YamlScalarNode { Value: { } key } ? key : throw new Setting(Name, entry.Key, file).Refuse("a name must be a text"), entry.Value, file))]
        : throw Refuse("must be a list of name: value");

    internal static string Place(YamlNode node, string? file) => file is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{file}:{node.Start.Line}:{node.Start.Column}: ");

    private static string Write(YamlNode node, int depth = 0) => depth > 4 ? "…" : node switch
    {
        YamlSequenceNode list => $"[{string.Join(", ", list.Children.Select(child => Write(child, depth + 1)))}]",
        YamlMappingNode map => $"{{{string.Join(", ", map.Children.Select(entry => $"{Write(entry.Key, depth + 1)}: {Write(entry.Value, depth + 1)}"))}}}",
        YamlScalarNode scalar => scalar.Value ?? "",
        _ => "",
    };
}
