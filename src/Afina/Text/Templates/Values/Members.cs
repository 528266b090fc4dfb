namespace Afina.Text.Templates.Values;

/// <summary>Something with members of its own, like <c>loop</c>.</summary>
internal interface IMembers
{
    bool TryMember(string name, out object? value);
}

/// <summary>Jinja's two lookups under its sandbox: <c>value.name</c> asks the members first, <c>value[key]</c> the items.</summary>
internal static class Members
{
    private static readonly HashSet<string> ListMutators = ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"];
    private static readonly HashSet<string> DictMutators = ["clear", "pop", "popitem", "setdefault", "update"];

    public static object? Attribute(object? value, string name)
    {
        Kinds.Defined(value);
        if (TryMember(value, name, out var member))
            return member;
        return Sequences.TryIndex(value, name, out var indexed) ? indexed : Missing(value, name);
    }

    public static object? Item(object? value, object? key)
    {
        Kinds.Defined(value);
        if (Sequences.TryIndex(value, key, out var item))
            return item;
        return Kinds.IsText(key, out var name) ? TryMember(value, name, out var member) ? member : Missing(value, name) : Undefined.Member(value, key);
    }

    /// <summary>A member only, never an item.</summary>
    public static object? Own(object? value, string name) =>
        TryMember(Kinds.Defined(value), name, out var member) ? member : Missing(value, name);

    private static Undefined Missing(object? value, string name) =>
        name.StartsWith("__", StringComparison.Ordinal) && name.EndsWith("__", StringComparison.Ordinal)
            ? Undefined.Unsafe(value, name)
            : Undefined.Member(value, name);

    private static bool TryMember(object? value, string name, out object? member)
    {
        member = value switch
        {
            string text => StringMethods.Find(text, name),
            Markup markup => StringMethods.Find(markup, name),
            DictValue dict => DictMethods.Find(dict, name),
            List<object?> list => SequenceMethods.Find(list, name),
            TupleValue tuple => SequenceMethods.Find(tuple, name),
            RangeValue range => SequenceMethods.Find(range, name),
            BytesValue bytes => SequenceMethods.Find(bytes, name),
            long or bool or double => NumberMethods.Find(value, name),
            _ => null,
        };
        if (member is not null)
            return true;
        if (value is IMembers members && !name.StartsWith('_') && members.TryMember(name, out member))
            return true;
        if (value is List<object?> && ListMutators.Contains(name) || value is DictValue && DictMutators.Contains(name))
            member = Undefined.Unsafe(value, name);
        return member is not null;
    }
}
