namespace Afina.Text.Templates.Values;

/// <summary>Iterating, measuring, searching, indexing and slicing, as Python does them.</summary>
internal static class Sequences
{
    /// <summary>The items of anything that can be iterated.</summary>
    public static IEnumerable<object?> Iterate(object? value) => value switch
    {
        List<object?> list => list,
        string text => Characters.Each(text),
        DictValue dict => dict.Keys,
        TupleValue tuple => tuple.Items,
        Undefined => [],
        RangeValue range => Count(range),
        DictView view => view.Iterate(),
        IteratorValue iterator => Drain(iterator),
        Markup markup => Characters.Each(markup.Text),
        BytesValue bytes => bytes.Bytes.Select(b => (object?)(long)b),
        _ => throw new EngineException($"'{Kinds.Name(value)}' object is not iterable"),
    };

    public static bool IsIterable(object? value) =>
        value is List<object?> or string or DictValue or TupleValue or Undefined or RangeValue or DictView or IteratorValue or Markup or BytesValue;

    /// <summary>A new list of the items, within the budget.</summary>
    public static List<object?> ToList(IEnumerable<object?> items)
    {
        var list = new List<object?>();
        foreach (var item in items)
        {
            list.Add(item);
            Budget.Current.Spend(1);
            if ((list.Count & 1023) == 0)
                Budget.Current.SpendItems(list.Count);
        }

        return list;
    }

    public static List<object?> ToList(object? value) => ToList(Iterate(value));

    /// <summary>len(); null where Python has none.</summary>
    public static long? TryLength(object? value) => value switch
    {
        string text => Characters.Count(text),
        List<object?> list => list.Count,
        DictValue dict => dict.Count,
        TupleValue tuple => tuple.Items.Length,
        Undefined => 0,
        Markup markup => Characters.Count(markup.Text),
        RangeValue range => range.Count,
        DictView view => view.Dict.Count,
        BytesValue bytes => bytes.Bytes.Length,
        _ => null,
    };

    public static long Length(object? value) =>
        TryLength(value) ?? throw new EngineException($"object of type '{Kinds.Name(value)}' has no len()");

    /// <summary>The <c>in</c> operator.</summary>
    public static bool Contains(object? container, object? item)
    {
        if (Kinds.IsText(container, out var text))
        {
            if (!Kinds.IsText(item, out var part))
                throw new EngineException($"'in <string>' requires string as left operand, not {Kinds.Name(item)}");
            Budget.Current.Spend(text.Length >> 6);
            return text.Contains(part, StringComparison.Ordinal);
        }

        switch (container)
        {
            case DictValue dict: return dict.Has(item);
            case DictView { Kind: DictViewKind.Keys } view: return view.Dict.Has(item);
            case BytesValue when Kinds.IsText(item, out _):
                throw new EngineException("a bytes-like object is required, not 'str'");
            case NamespaceValue or Callable or null or bool or long or double:
                throw new EngineException($"argument of type '{Kinds.Name(container)}' is not iterable");
        }

        foreach (var candidate in Iterate(container))
        {
            if (Equality.Equal(candidate, item))
                return true;
        }

        return false;
    }

    /// <summary>container[key], or false where Python raises a lookup or type error.</summary>
    public static bool TryIndex(object? container, object? key, out object? value)
    {
        value = null;
        if (container is DictValue dict)
            return key is not (List<object?> or DictValue) && dict.TryGet(key, out value);
        if (container is NamespaceValue space)
            return key is string name && space.TryGet(name, out value);
        if (!Numbers.IsInteger(key) || container is Undefined or DictView || TryLength(container) is not { } length)
            return false;
        var index = Numbers.ToIndex(key);
        if (index < 0)
            index += length;
        if (index < 0 || index >= length)
            return false;
        value = At(container, index);
        return true;
    }

    /// <summary>container[start:stop:step].</summary>
    public static object? Slice(object? container, object? start, object? stop, object? step)
    {
        var stride = step is null ? 1 : Numbers.ToIndex(step);
        if (stride == 0)
            throw new EngineException("slice step cannot be zero");
        var length = Length(container);
        var (from, to) = (Bound(start, length, stride, true), Bound(stop, length, stride, false));
        var count = stride > 0 ? Math.Max(0, (to - from + stride - 1) / stride) : Math.Max(0, (from - to - stride - 1) / -stride);
        if (stride > length || stride < -length)
            count = Math.Min(count, 1);
        return container switch
        {
            string text => SliceText(text, from, stride, count),
            Markup markup => new Markup(SliceText(markup.Text, from, stride, count)),
            List<object?> list => Pick(count, i => list[(int)(from + i * stride)]),
            TupleValue tuple => new TupleValue([.. Pick(count, i => tuple.Items[from + i * stride])]),
            RangeValue range => new RangeValue(range[from], range[from] + count * range.Step * stride, range.Step * stride),
            BytesValue bytes => new BytesValue([.. Pick(count, i => bytes.Bytes[from + i * stride]).Select(item => (byte)item!)]),
            _ => throw new EngineException($"'{Kinds.Name(container)}' object is not subscriptable"),
        };
    }

    /// <summary>reversed(): null where Python has none.</summary>
    public static IEnumerable<object?>? Reversed(object? value) => value switch
    {
        Undefined => [],
        DictValue dict => dict.Keys.Reverse(),
        DictView view => view.Iterate().Reverse(),
        List<object?> or TupleValue or RangeValue or string or Markup => Iterate(value).Reverse(),
        _ => null,
    };

    private static object? At(object? container, long index) => container switch
    {
        string text => Characters.At(text, Characters.Unit(text, index)),
        List<object?> list => list[(int)index],
        TupleValue tuple => tuple.Items[index],
        RangeValue range => range[index],
        Markup markup => new Markup(Characters.At(markup.Text, Characters.Unit(markup.Text, index))),
        BytesValue bytes => (long)bytes.Bytes[index],
        _ => null,
    };

    private static long Bound(object? bound, long length, long stride, bool isStart)
    {
        if (bound is null)
            return stride > 0 ? (isStart ? 0 : length) : isStart ? length - 1 : -1;
        var index = Numbers.ToIndex(bound);
        if (index < 0)
            index = Math.Max(index + length, stride > 0 ? 0 : -1);
        return Math.Min(index, stride > 0 ? length : length - 1);
    }

    private static string SliceText(string text, long from, long stride, long count)
    {
        Budget.Current.SpendText(count);
        if (count == 0)
            return "";
        if (stride == 1)
        {
            var start = Characters.Unit(text, from);
            return text[start..Characters.Unit(text, from + count)];
        }

        var starts = Characters.Starts(text);
        return string.Concat(Pick(count, i => Characters.At(text, starts[from + i * stride])));
    }

    private static List<object?> Pick(long count, Func<long, object?> item)
    {
        Budget.Current.Spend(count);
        var list = new List<object?>((int)count);
        for (var i = 0L; i < count; i++)
            list.Add(item(i));
        return list;
    }

    private static IEnumerable<object?> Count(RangeValue range)
    {
        for (var i = 0L; i < range.Count; i++)
            yield return range[i];
    }

    private static IEnumerable<object?> Drain(IteratorValue iterator)
    {
        while (iterator.TryNext(out var item))
            yield return item;
    }
}
