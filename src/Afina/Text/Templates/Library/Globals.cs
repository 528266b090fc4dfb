using Afina.Text.Templates.Values;

namespace Afina.Text.Templates.Library;

/// <summary>The functions that every template can call.</summary>
internal static class Globals
{
    private static readonly Dictionary<string, object?> Fixed = new(StringComparer.Ordinal)
    {
        ["range"] = new Function("range", Range),
        ["dict"] = new DictFunction(),
        ["namespace"] = new Function("namespace", Namespace),
        ["cycler"] = new Function("cycler", arguments => new Cycler(arguments.Positional)),
        ["joiner"] = new Function("joiner", Joiner),
        ["lipsum"] = new Function("lipsum", _ => throw new EngineException("lipsum() is not supported in chat templates")),
        ["raise_exception"] = new Function("raise_exception", arguments =>
        {
            var message = arguments.Required("message");
            arguments.End();
            throw new TemplateException(TextForm.Str(message), raisedByTemplate: true);
        }),
    };

    /// <summary>A global by its name; the clock of <c>strftime_now</c> stands at <paramref name="now"/>.</summary>
    public static bool TryGet(string name, DateTime now, out object? value)
    {
        if (name != "strftime_now")
            return Fixed.TryGetValue(name, out value);
        value = new Function(name, arguments =>
        {
            var format = arguments.RequiredText("format");
            arguments.End();
            return Strftime.Format(now, format);
        });
        return true;
    }

    /// <summary>dict(mapping or pairs, **more).</summary>
    public static DictValue MakeDict(Arguments arguments)
    {
        if (arguments.Positional.Length > 1)
            throw new EngineException($"dict expected at most 1 argument, got {arguments.Positional.Length}");
        var result = arguments.Positional switch
        {
            [] => new DictValue(),
            [DictValue dict] => dict.Copy(),
            [var pairs] => FromPairs(pairs),
            _ => new DictValue(),
        };
        foreach (var (name, value) in arguments.Named)
            result[name] = value;
        return result;
    }

    private static DictValue FromPairs(object? pairs)
    {
        var result = new DictValue();
        foreach (var pair in Sequences.Iterate(pairs))
        {
            Budget.Current.Spend(1);
            if (Sequences.ToList(pair) is not [var key, var value])
                throw new EngineException("dict() needs a mapping or pairs");
            result[key] = value;
        }

        return result;
    }

    private static object? Range(Arguments arguments)
    {
        var numbers = Array.ConvertAll(arguments.Positional, Numbers.ToIndex);
        if (arguments.Named.Count > 0)
            throw new EngineException("range() takes no keyword arguments");
        var range = numbers switch
        {
            [var stop] => new RangeValue(0, stop, 1),
            [var start, var stop] => new RangeValue(start, stop, 1),
            [var start, var stop, var step] when step != 0 => new RangeValue(start, stop, step),
            [_, _, _] => throw new EngineException("range() arg 3 must not be zero"),
            _ => throw new EngineException($"range expected 1 to 3 arguments, got {numbers.Length}"),
        };
        Budget.Current.SpendItems(range.Count);
        return range;
    }

    private static object? Namespace(Arguments arguments)
    {
        var result = new NamespaceValue();
        foreach (var (name, value) in MakeDict(arguments).Items)
            result.Store(TextForm.Str(name), value);
        return result;
    }

    private static object? Joiner(Arguments arguments)
    {
        var separator = arguments.Optional("sep", ", ");
        arguments.End();
        var used = false;
        return new Function("joiner", _ =>
        {
            var result = used ? separator : "";
            used = true;
            return result;
        });
    }

    private sealed class DictFunction() : Callable("dict"), IMembers
    {
        public override object? Invoke(Arguments arguments) => MakeDict(arguments);

        public bool TryMember(string name, out object? value)
        {
            value = name == "fromkeys" ? new Function(name, DictMethods.FromKeys) : null;
            return value is not null;
        }
    }

    /// <summary>Gives its items in turn.</summary>
    private sealed class Cycler : IMembers
    {
        private readonly object?[] _items;
        private int _at;

        public Cycler(object?[] items)
        {
            _items = items.Length > 0 ? items : throw new EngineException("cycler() needs at least one item");
        }

        public bool TryMember(string name, out object? value)
        {
            value = name switch
            {
                "current" => _items[_at],
                "pos" => (long)_at,
                "items" => new TupleValue(_items),
                "next" => new Function(name, _ =>
                {
                    var item = _items[_at];
                    _at = (_at + 1) % _items.Length;
                    return item;
                }),
                "reset" => new Function(name, _ =>
                {
                    _at = 0;
                    return null;
                }),
                _ => null,
            };
            return name is "current" or "pos" or "items" or "next" or "reset";
        }
    }
}
