namespace Afina.Text.Templates.Values;

/// <summary>Python's &lt;, &lt;=, &gt; and &gt;=.</summary>
internal static class Ordering
{
    public static bool Less(object? a, object? b, string symbol = "<") => Compare(a, b, symbol) < 0;

    /// <summary>The order of two values; null if they have none (NaN).</summary>
    public static int? Compare(object? a, object? b, string symbol)
    {
        Budget.Current.Spend(1);
        Kinds.Defined(a);
        Kinds.Defined(b);
        if (Numbers.IsNumber(a) && Numbers.IsNumber(b))
            return Numbers.Compare(a, b);
        if (Kinds.IsText(a, out var x) && Kinds.IsText(b, out var y))
            return Characters.Compare(x, y);
        return (a, b) switch
        {
            (List<object?> p, List<object?> q) => Items(p, q, symbol),
            (TupleValue p, TupleValue q) => Items(p.Items, q.Items, symbol),
            _ => throw new EngineException($"'{symbol}' not supported between instances of '{Kinds.Name(a)}' and '{Kinds.Name(b)}'"),
        };
    }

    /// <summary>Sorts stably, in Python's order.</summary>
    public static List<object?> Sort(IEnumerable<object?> items, Func<object?, object?> key, bool reverse)
    {
        var keyed = Sequences.ToList(items).ConvertAll(item => (Key: key(item), Item: item));
        var order = Comparer<object?>.Create((a, b) => Compare(a, b, "<") ?? 0);
        var sorted = reverse ? keyed.OrderByDescending(item => item.Key, order) : keyed.OrderBy(item => item.Key, order);
        try
        {
            return [.. sorted.Select(item => item.Item)];
        }
        catch (InvalidOperationException fault) when (fault.InnerException is EngineException refusal)
        {
            throw refusal;
        }
    }

    private static int? Items(IReadOnlyList<object?> a, IReadOnlyList<object?> b, string symbol)
    {
        Budget.CheckStack();
        for (var i = 0; i < Math.Min(a.Count, b.Count); i++)
        {
            if (!Equality.Equal(a[i], b[i]))
                return Compare(a[i], b[i], symbol);
        }

        return a.Count.CompareTo(b.Count);
    }
}
