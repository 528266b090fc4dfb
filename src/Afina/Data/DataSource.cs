using System.Globalization;
using Afina.Data.Reading;

namespace Afina.Data;

/// <summary>A file of rows, as a recipe names it.</summary>
/// <param name="Path">A .jsonl, .json, .csv or .tsv file (or .gz of one), or a folder that has one named after <paramref name="Split"/>.</param>
/// <param name="Weight">How often each row is seen in an epoch: 2 is twice; 0.5 is half of the rows, another half each epoch.</param>
/// <param name="Type">The row format by name, or null to look at the rows.</param>
/// <param name="Split">For a folder the file's name without ending; <c>train[:100]</c>, <c>[10%:]</c> and the like take part of the rows.</param>
/// <param name="Fields">For columns under other names: the standard name to the file's, for example messages to chat.</param>
public sealed record DataSource(string Path, double Weight = 1, string? Type = null, string? Split = null, IReadOnlyDictionary<string, string>? Fields = null)
{
    /// <summary>Reads <c>path</c> or <c>path:weight</c>.</summary>
    /// <exception cref="FormatException">The weight is not positive.</exception>
    public static DataSource Parse(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || File.Exists(text) || !double.TryParse(text.AsSpan(colon + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var weight))
            return new DataSource(text);
        if (weight is <= 0 or > 1000 || double.IsNaN(weight))
            throw new FormatException($"{text}: the weight after the colon must be above 0 and at most 1000");
        return new DataSource(text[..colon], weight);
    }

    /// <summary>The file to read: the path itself, or the file in the folder that the split names.</summary>
    internal string ResolvedFile()
    {
        if (!Directory.Exists(Path))
            return Path;
        var (name, _) = SplitParts();
        var wanted = name.Length > 0 ? name : "train";
        var found = Directory.EnumerateFiles(Path).Order(StringComparer.Ordinal)
            .FirstOrDefault(file => DataFile.LayoutOf(file) is not null && System.IO.Path.GetFileName(file).Split('.')[0] == wanted);
        return found ?? throw new FileNotFoundException($"{Path}: the folder has no {wanted}.jsonl, .json or .csv: name the file, or set split to the name of one");
    }

    /// <summary>The rows that the split keeps, of <paramref name="count"/>.</summary>
    internal Range Slice(int count)
    {
        var (_, slice) = SplitParts();
        if (slice is null)
            return Range.All;
        var parts = slice.Split(':');
        var from = 0;
        var to = count;
        if (parts.Length != 2 || !Bound(parts[0], count, ref from) || !Bound(parts[1], count, ref to))
            throw new FormatException($"split '{Split}': write name[from:to], each a number of rows or a percentage, for example train[:90%]");
        return new Range(Math.Min(from, count), Math.Clamp(to, Math.Min(from, count), count));
    }

    private (string Name, string? Slice) SplitParts()
    {
        var split = Split ?? "";
        var open = split.IndexOf('[');
        return open >= 0 && split.EndsWith(']') ? (split[..open], split[(open + 1)..^1]) : (split, null);
    }

    private static bool Bound(string text, int count, ref int bound)
    {
        text = text.Trim();
        if (text.Length == 0)
            return true;
        var percent = text.EndsWith('%');
        if (!double.TryParse(percent ? text[..^1] : text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) || double.IsNaN(number))
            return false;
        var value = percent ? Math.Round(count * number / 100, MidpointRounding.AwayFromZero) : number;
        bound = (int)Math.Clamp(value < 0 ? count + value : value, 0, count);
        return true;
    }
}
