using System.Text;
using Afina.Text.Templates.Values;

namespace Afina.Text.Templates.Library;

/// <summary>The filters for lists and mappings.</summary>
internal static class SequenceFilters
{
    public static IEnumerable<KeyValuePair<string, Func<object?, Arguments, object?>>> All => new Dictionary<string, Func<object?, Arguments, object?>>
    {
        ["first"] = (value, _) => Sequences.Iterate(value).FirstOrDefault(new Undefined("there is no first item, the sequence is empty")),
        ["last"] = (value, _) => Reversed(value).FirstOrDefault(new Undefined("there is no last item, the sequence is empty")),
        // Rendering must be repeatable, so chance always falls on the first item.
        ["random"] = (value, _) => Sequences.Iterate(value).FirstOrDefault(new Undefined("there is no random item, the sequence is empty")),
        ["list"] = (value, _) => Sequences.ToList(value),
        ["join"] = Join,
        ["items"] = (value, _) => new IteratorValue(Items(value)),
        ["dictsort"] = DictSort,
        ["reverse"] = (value, arguments) => Kinds.IsText(value, out _)
            ? Sequences.Slice(value, null, null, -1L)
            : Sequences.Reversed(value) is { } reversed ? new IteratorValue(reversed) : Sequences.ToList(Sequences.Iterate(value).Reverse()),
        ["sort"] = Sort,
        ["unique"] = Unique,
        ["groupby"] = GroupBy,
        ["sum"] = Sum,
        ["max"] = (value, arguments) => Extreme(value, arguments, 1),
        ["min"] = (value, arguments) => Extreme(value, arguments, -1),
        ["batch"] = Batch,
        ["slice"] = Slice,
    };

    private static IEnumerable<object?> Reversed(object? value) =>
        Sequences.Reversed(value) ?? throw new EngineException($"'{Kinds.Name(value)}' object is not reversible");

    private static object? Join(object? value, Arguments arguments)
    {
        var separator = TextForm.Str(arguments.Optional("d", ""));
        var attribute = arguments.Optional("attribute");
        arguments.End();
        var getter = Filters.Getter(attribute);
        var result = new StringBuilder();
        var first = true;
        foreach (var item in Sequences.Iterate(value))
        {
            if (!first)
                result.Append(separator);
            first = false;
            result.Append(TextForm.Str(getter(item)));
            Budget.Current.Spend(1);
            Budget.Current.Grow(result.Length, 32);
        }

        return result.ToString();
    }

    private static IEnumerable<object?> Items(object? value) => value switch
    {
        Undefined => [],
        DictValue dict => new DictView(dict, DictViewKind.Items).Iterate(),
        _ => throw new EngineException("the filter 'items' needs a mapping"),
    };

    private static object? DictSort(object? value, Arguments arguments)
    {
        var caseSensitive = arguments.OptionalTruth("case_sensitive", false);
        var by = arguments.OptionalText("by") ?? "key";
        var reverse = arguments.OptionalTruth("reverse", false);
        arguments.End();
        if (by is not ("key" or "value"))
            throw new EngineException("the filter 'dictsort' sorts by key or value");
        if (value is not DictValue dict)
            throw new EngineException($"'{Kinds.Name(Kinds.Defined(value))}' object has no attribute 'items'");
        var getter = Filters.Getter(by == "key" ? 0L : 1L, ignoreCase: !caseSensitive);
        return Ordering.Sort(new DictView(dict, DictViewKind.Items).Iterate(), getter, reverse);
    }

    private static object? Sort(object? value, Arguments arguments)
    {
        var reverse = arguments.OptionalTruth("reverse", false);
        var caseSensitive = arguments.OptionalTruth("case_sensitive", false);
        var attribute = arguments.Optional("attribute");
        arguments.End();
        object?[] paths = attribute is string list ? list.Split(',') : [attribute];
        var getters = Array.ConvertAll(paths, path => Filters.Getter(path, ignoreCase: !caseSensitive));
        return Ordering.Sort(Sequences.Iterate(value), item => new List<object?>(Array.ConvertAll(getters, getter => getter(item))), reverse);
    }

    private static object? Unique(object? value, Arguments arguments)
    {
        var caseSensitive = arguments.OptionalTruth("case_sensitive", false);
        var attribute = arguments.Optional("attribute");
        arguments.End();
        var getter = Filters.Getter(attribute, ignoreCase: !caseSensitive);
        return new IteratorValue(Distinct());

        IEnumerable<object?> Distinct()
        {
            var seen = new DictValue();
            foreach (var item in Sequences.Iterate(value))
            {
                var key = getter(item);
                if (seen.Has(key))
                    continue;
                seen[key] = null;
                yield return item;
            }
        }
    }

    private static object? GroupBy(object? value, Arguments arguments)
    {
        var attribute = arguments.Required("attribute");
        var fallback = arguments.Optional("default");
        var caseSensitive = arguments.OptionalTruth("case_sensitive", false);
        arguments.End();
        var getter = Filters.Getter(attribute, fallback, !caseSensitive);
        var groups = new List<object?>();
        object? current = null;
        foreach (var item in Ordering.Sort(Sequences.Iterate(value), getter, reverse: false))
        {
            var key = getter(item);
            if (groups.Count == 0 || !Equality.Equal(key, current))
                groups.Add(new Group(Filters.Getter(attribute, fallback)(item), []));
            current = key;
            ((Group)groups[^1]!).Members.Add(item);
        }

        return groups;
    }

    private static object? Sum(object? value, Arguments arguments)
    {
        var attribute = arguments.Optional("attribute");
        var total = arguments.Optional("start", 0L);
        arguments.End();
        if (Kinds.IsText(total, out _))
            throw new EngineException("sum() can't sum strings");
        var getter = Filters.Getter(attribute);
        foreach (var item in Sequences.Iterate(value))
            total = Operators.Apply(Syntax.BinaryOperator.Add, total, getter(item));
        return total;
    }

    private static object? Extreme(object? value, Arguments arguments, int sign)
    {
        var caseSensitive = arguments.OptionalTruth("case_sensitive", false);
        var attribute = arguments.Optional("attribute");
        arguments.End();
        var getter = Filters.Getter(attribute, ignoreCase: !caseSensitive);
        object? best = new Undefined("there is no item to choose, the sequence is empty");
        object? bestKey = null;
        var first = true;
        foreach (var item in Sequences.Iterate(value))
        {
            var key = getter(item);
            if (first || (Ordering.Compare(key, bestKey, sign > 0 ? ">" : "<") is { } order && Math.Sign(order) == sign))
                (best, bestKey) = (item, key);
            first = false;
        }

        return best;
    }

    private static object? Batch(object? value, Arguments arguments)
    {
        var size = Numbers.ToIndex(arguments.Required("linecount"));
        var fill = arguments.Optional("fill_with");
        arguments.End();
        return new IteratorValue(Batches());

        IEnumerable<object?> Batches()
        {
            var batch = new List<object?>();
            foreach (var item in Sequences.Iterate(value))
            {
                if (batch.Count == size)
                {
                    yield return batch;
                    batch = [];
                }

                batch.Add(item);
            }

            if (batch.Count == 0)
                yield break;
            Budget.Current.SpendItems(size);
            while (fill is not null && batch.Count < size)
                batch.Add(fill);
            yield return batch;
        }
    }

    private static object? Slice(object? value, Arguments arguments)
    {
        var slices = Numbers.ToIndex(arguments.Required("slices"));
        var fill = arguments.Optional("fill_with");
        arguments.End();
        return new IteratorValue(Slices());

        IEnumerable<object?> Slices()
        {
            var items = Sequences.ToList(value);
            if (slices == 0)
                throw new EngineException("integer division or modulo by zero");
            var (each, extra) = (items.Count / slices, items.Count % slices);
            var at = 0;
            for (var i = 0L; i < slices; i++)
            {
                Budget.Current.Spend(1);
                var count = (int)each + (i < extra ? 1 : 0);
                var slice = items.GetRange(at, count);
                at += count;
                if (fill is not null && i >= extra)
                    slice.Add(fill);
                yield return slice;
            }
        }
    }

    /// <summary>A pair of <c>grouper</c> and <c>list</c>.</summary>
    private sealed class Group(object? key, List<object?> members) : TupleValue(key, members), IMembers
    {
        public List<object?> Members => members;

        public bool TryMember(string name, out object? value)
        {
            value = name switch { "grouper" => Items[0], "list" => members, _ => null };
            return name is "grouper" or "list";
        }
    }
}
