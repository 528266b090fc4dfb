using System.Diagnostics.CodeAnalysis;

namespace Afina.Text.Templates.Values;

/// <summary>Python's dict: keeps the order of insertion; 1, 1.0 and True are the same key.</summary>
internal sealed class DictValue
{
    private static readonly object NoneKey = new();

    private readonly OrderedDictionary<object, object?> _items;

    public DictValue(int capacity = 0) => _items = new(capacity, KeyComparer.Instance);

    public int Count => _items.Count;

    public IEnumerable<object?> Keys => _items.Keys.Select(FromKey);

    public IEnumerable<object?> Values => _items.Values;

    public IEnumerable<KeyValuePair<object?, object?>> Items => _items.Select(item => new KeyValuePair<object?, object?>(FromKey(item.Key), item.Value));

    /// <summary>Sets a value; an equal key that is there already stays.</summary>
    public object? this[object? key]
    {
        set
        {
            var wrapped = ToKey(key);
            if (_items.IndexOf(wrapped) is var index and >= 0)
                _items.SetAt(index, value);
            else
                _items.Add(wrapped, value);
        }
    }

    public bool TryGet(object? key, out object? value) => _items.TryGetValue(ToKey(key), out value);

    public bool Has(object? key) => _items.ContainsKey(ToKey(key));

    public void Remove(object? key) => _items.Remove(ToKey(key));

    public DictValue Copy()
    {
        Budget.Current.SpendItems(Count);
        var copy = new DictValue(Count);
        foreach (var (key, value) in _items)
            copy._items.Add(key, value);
        return copy;
    }

    private static object ToKey(object? key) => key switch
    {
        string => key,
        null => NoneKey,
        Markup markup => markup.Text,
        List<object?> or DictValue => throw new EngineException($"unhashable type: '{Kinds.Name(key)}'"),
        _ => key,
    };

    private static object? FromKey(object key) => ReferenceEquals(key, NoneKey) ? null : key;

    private sealed class KeyComparer : IEqualityComparer<object>
    {
        public static KeyComparer Instance { get; } = new();

        public new bool Equals(object? x, object? y) =>
            x is string a && y is string b ? string.Equals(a, b) : Equality.Equal(x, y);

        public int GetHashCode([DisallowNull] object key) => key is string text ? text.GetHashCode() : Equality.Hash(key);
    }
}

/// <summary>What <c>keys()</c>, <c>values()</c> and <c>items()</c> give.</summary>
internal sealed record DictView(DictValue Dict, DictViewKind Kind)
{
    public string TypeName => Kind switch
    {
        DictViewKind.Keys => "dict_keys",
        DictViewKind.Values => "dict_values",
        _ => "dict_items",
    };

    public IEnumerable<object?> Iterate() => Kind switch
    {
        DictViewKind.Keys => Dict.Keys,
        DictViewKind.Values => Dict.Values,
        _ => Dict.Items.Select(item => new TupleValue(item.Key, item.Value)),
    };
}

internal enum DictViewKind
{
    Keys,
    Values,
    Items,
}
