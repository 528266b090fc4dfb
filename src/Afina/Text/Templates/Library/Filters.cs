using System.Collections.Frozen;
using Afina.Text.Templates.Values;

namespace Afina.Text.Templates.Library;

/// <summary>The filters by name; each takes the value and the arguments after it.</summary>
internal static class Filters
{
    private static readonly FrozenDictionary<string, Func<object?, Arguments, object?>> ByName =
        new[] { TextFilters.All, SequenceFilters.All, SelectionFilters.All, ValueFilters.All }
            .SelectMany(filters => filters)
            .ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Whether there is such a filter.</summary>
    public static bool Known(string name) => ByName.ContainsKey(name);

    /// <summary>Applies a filter.</summary>
    public static object? Apply(string name, object? value, Arguments arguments)
    {
        Budget.Current.Spend(1);
        if (!ByName.TryGetValue(name, out var filter))
            throw new EngineException($"there is no filter named '{name}'");
        var result = filter(value, arguments);
        if (name is not ("format" or "map" or "select" or "reject" or "selectattr" or "rejectattr"))
            arguments.End();
        return result;
    }

    /// <summary>The getter of an attribute path (<c>a.b.0</c>): items first, then members; the identity without a path.</summary>
    public static Func<object?, object?> Getter(object? path, object? fallback = null, bool ignoreCase = false)
    {
        object?[] parts = path switch
        {
            null => [],
            string text => [.. text.Split('.').Select(part => part.Length > 0 && part.All(char.IsAsciiDigit) && long.TryParse(part, out var index) ? (object)index : part)],
            _ => [path],
        };
        return item =>
        {
            foreach (var part in parts)
            {
                item = Members.Item(item, part);
                if (item is Undefined && fallback is not null)
                    item = fallback;
            }

            return ignoreCase && Kinds.IsText(item, out var text) ? Casing.Lower(text) : item;
        };
    }

    /// <summary>Text stays as safe as it was; anything else becomes its text first.</summary>
    public static object Soft(object? value, Func<string, string> map) =>
        value is Markup markup ? new Markup(map(markup.Text)) : map(TextForm.Str(value));
}
