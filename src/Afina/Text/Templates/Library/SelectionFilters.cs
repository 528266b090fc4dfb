using Afina.Text.Templates.Values;

namespace Afina.Text.Templates.Library;

/// <summary>The filters that apply another filter or a test to every item: map, select, reject and their attr forms.</summary>
internal static class SelectionFilters
{
    public static IEnumerable<KeyValuePair<string, Func<object?, Arguments, object?>>> All => new Dictionary<string, Func<object?, Arguments, object?>>
    {
        ["map"] = Map,
        ["select"] = (value, arguments) => Select(value, arguments, keep: true, byAttribute: false),
        ["reject"] = (value, arguments) => Select(value, arguments, keep: false, byAttribute: false),
        ["selectattr"] = (value, arguments) => Select(value, arguments, keep: true, byAttribute: true),
        ["rejectattr"] = (value, arguments) => Select(value, arguments, keep: false, byAttribute: true),
    };

    private static object? Map(object? value, Arguments arguments)
    {
        if (!Kinds.Truth(value))
            return new IteratorValue([]);
        Func<object?, object?> map;
        if (arguments.Positional.Length == 0)
        {
            var attribute = arguments.Required("attribute");
            var fallback = arguments.Optional("default");
            if (arguments.Named.Count > (fallback is null ? 1 : 2))
                throw new EngineException("the filter 'map' takes attribute and default, or the name of a filter");
            map = Filters.Getter(attribute, fallback);
        }
        else
        {
            var name = TextForm.Str(arguments.Positional[0]);
            if (!Filters.Known(name))
                throw new EngineException($"there is no filter named '{name}'");
            map = item => Filters.Apply(name, item, new Arguments($"the filter '{name}'", arguments.Positional[1..], [.. arguments.Named]));
        }

        return new IteratorValue(Sequences.Iterate(value).Select(map));
    }

    private static object? Select(object? value, Arguments arguments, bool keep, bool byAttribute)
    {
        if (!Kinds.Truth(value))
            return new IteratorValue([]);
        var positional = arguments.Positional;
        Func<object?, object?> getter = item => item;
        if (byAttribute)
        {
            if (positional.Length == 0)
                throw new EngineException($"{arguments.Function} needs the name of an attribute");
            getter = Filters.Getter(positional[0]);
            positional = positional[1..];
        }

        Func<object?, bool> test = Kinds.Truth;
        if (positional.Length > 0)
        {
            var name = TextForm.Str(positional[0]);
            var rest = positional[1..];
            if (!Tests.Known(name))
                throw new EngineException($"there is no test named '{name}'");
            test = item => Tests.Apply(name, item, new Arguments($"the test '{name}'", rest, [.. arguments.Named]));
        }

        return new IteratorValue(Sequences.Iterate(value).Where(item => test(getter(item)) == keep));
    }
}
