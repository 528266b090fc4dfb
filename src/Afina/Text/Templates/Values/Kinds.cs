using System.Numerics;

namespace Afina.Text.Templates.Values;

/// <summary>
/// How Python's values are held: None is null, bool is bool, int is long or (only when it does not fit) BigInteger, float is double, str is string,
/// list is <see cref="List{T}"/>; the rest are the classes of this folder.
/// </summary>
internal static class Kinds
{
    /// <summary>Python's name of the value's type, as its messages have it.</summary>
    public static string Name(object? value) => value switch
    {
        null => "NoneType",
        bool => "bool",
        long or BigInteger => "int",
        double => "float",
        string => "str",
        Markup => "Markup",
        List<object?> => "list",
        TupleValue => "tuple",
        DictValue => "dict",
        RangeValue => "range",
        DictView view => view.TypeName,
        BytesValue => "bytes",
        NamespaceValue => "Namespace",
        IteratorValue => "generator",
        Undefined => "Undefined",
        _ => "function",
    };

    /// <summary>Python's truth of a value.</summary>
    public static bool Truth(object? value) => value switch
    {
        null or Undefined => false,
        bool b => b,
        string s => s.Length > 0,
        long n => n != 0,
        double d => d != 0,
        List<object?> list => list.Count > 0,
        DictValue dict => dict.Count > 0,
        TupleValue tuple => tuple.Items.Length > 0,
        Markup markup => markup.Text.Length > 0,
        RangeValue range => range.Count > 0,
        DictView view => view.Dict.Count > 0,
        BytesValue bytes => bytes.Bytes.Length > 0,
        _ => true,
    };

    /// <summary>Whether the value is text, safe or not, and which.</summary>
    public static bool IsText(object? value, out string text)
    {
        text = value as string ?? (value as Markup)?.Text!;
        return text is not null;
    }

    /// <summary>The value of something that must not be undefined.</summary>
    public static object? Defined(object? value) => value is Undefined undefined ? throw undefined.Fail() : value;
}

/// <summary>A name or member that does not exist: empty when printed, false when tested, refused in any other use.</summary>
internal sealed class Undefined(string message)
{
    /// <summary>What is missing.</summary>
    public string Message => message;

    /// <summary>A name without a value.</summary>
    public static Undefined Variable(string name) => new($"'{name}' is undefined");

    /// <summary>A member that the value has not.</summary>
    public static Undefined Member(object? value, object? key) => Kinds.IsText(key, out var name)
        ? new Undefined($"'{Kinds.Name(value)} object' has no attribute '{name}'")
        : new Undefined($"{Kinds.Name(value)} object has no element {TextForm.Repr(key)}");

    /// <summary>A member that the sandbox hides.</summary>
    public static Undefined Unsafe(object? value, string name) => new($"access to attribute '{name}' of '{Kinds.Name(value)}' object is unsafe");

    /// <summary>The exception for a use that needs a value.</summary>
    public EngineException Fail() => new(message);
}

/// <summary>Python's tuple.</summary>
internal class TupleValue(params object?[] items)
{
    private int? _hash;

    public object?[] Items => items;

    /// <summary>The hash of its items, computed once, so that shared parts cost nothing again.</summary>
    public int Hash()
    {
        if (_hash is { } known)
            return known;
        var hash = new HashCode();
        foreach (var item in items)
            hash.Add(Equality.Hash(item));
        _hash = hash.ToHashCode();
        return _hash.Value;
    }
}

/// <summary>Text that is already escaped for HTML (the <c>safe</c> and <c>escape</c> filters make it).</summary>
internal sealed record Markup(string Text);

/// <summary>Python's bytes, which only <c>encode</c> makes.</summary>
internal sealed record BytesValue(byte[] Bytes);

/// <summary>Python's range.</summary>
internal sealed record RangeValue(long Start, long Stop, long Step)
{
    public long Count { get; } = Step > 0
        ? (Start < Stop ? (long)(((BigInteger)Stop - Start - 1) / Step) + 1 : 0)
        : (Start > Stop ? (long)(((BigInteger)Start - Stop - 1) / -(BigInteger)Step) + 1 : 0);

    public long this[long index] => Start + index * Step;
}

/// <summary>Python's generators and iterators: they give each item once.</summary>
internal sealed class IteratorValue(IEnumerable<object?> source)
{
    private IEnumerator<object?>? _items;

    /// <summary>The next item, if there is one.</summary>
    public bool TryNext(out object? item)
    {
        _items ??= source.GetEnumerator();
        var more = _items.MoveNext();
        item = more ? _items.Current : null;
        return more;
    }
}

/// <summary>What <c>namespace()</c> makes: attributes that a set can store from any scope.</summary>
internal sealed class NamespaceValue
{
    public DictValue Attributes { get; } = new();

    public bool TryGet(string name, out object? value) => Attributes.TryGet(name, out value);

    public void Store(string name, object? value)
    {
        if (name.StartsWith('_'))
            throw new EngineException($"a namespace cannot store '{name}': the name begins with an underscore; rename it");
        Attributes[name] = value;
    }
}

/// <summary>Something a template can call.</summary>
internal abstract class Callable(string name)
{
    public string Name => name;

    public abstract object? Invoke(Arguments arguments);
}

/// <summary>A function of the library, or a method bound to its value.</summary>
internal sealed class Function(string name, Func<Arguments, object?> body) : Callable(name)
{
    public override object? Invoke(Arguments arguments) => body(arguments);
}
