using System.Globalization;
using System.Numerics;
using System.Text;

namespace Afina.Text.Templates.Values;

/// <summary>Python's json.dumps, for the <c>tojson</c> filter.</summary>
internal sealed class JsonText
{
    private readonly StringBuilder _result = new();
    private readonly bool _ascii;
    private readonly string? _indent;
    private readonly string _itemSeparator;
    private readonly string _keySeparator;
    private readonly bool _sorted;

    private JsonText(bool ascii, string? indent, string itemSeparator, string keySeparator, bool sorted)
    {
        _ascii = ascii;
        _indent = indent;
        _itemSeparator = itemSeparator;
        _keySeparator = keySeparator;
        _sorted = sorted;
    }

    /// <summary>The JSON of a value. An indent is a text, a number of spaces, or None for one line.</summary>
    public static string Dump(object? value, bool ascii = false, object? indent = null, object? separators = null, bool sorted = false)
    {
        var step = Kinds.IsText(indent, out var text) ? text : indent is null ? null : new string(' ', (int)Math.Clamp(Numbers.ToIndex(indent), 0, 1000));
        var (item, key) = (step is null ? ", " : ",", ": ");
        if (separators is not null)
        {
            var pair = Sequences.ToList(separators);
            if (pair.Count != 2 || !Kinds.IsText(pair[0], out item) || !Kinds.IsText(pair[1], out key))
                throw new EngineException("tojson: separators must be two texts");
        }

        var writer = new JsonText(ascii, step, item, key, sorted);
        writer.Write(value, 0);
        return writer._result.ToString();
    }

    private void Write(object? value, int level)
    {
        Budget.CheckStack();
        Budget.Current.Spend(1);
        switch (value)
        {
            case null: _result.Append("null"); break;
            case bool b: _result.Append(b ? "true" : "false"); break;
            case long n: _result.Append(n); break;
            case BigInteger n: _result.Append(n.ToString(CultureInfo.InvariantCulture)); break;
            case double d: _result.Append(Number(d)); break;
            case string text: WriteText(text); break;
            case Markup markup: WriteText(markup.Text); break;
            case List<object?> list: WriteList(list, level); break;
            case TupleValue tuple: WriteList(tuple.Items, level); break;
            case DictValue dict: WriteDict(dict, level); break;
            default: throw new EngineException($"Object of type {Kinds.Name(value)} is not JSON serializable");
        }

        Budget.Current.Grow(_result.Length, 32);
    }

    private static string Number(double value) => FloatText.Repr(value) switch
    {
        "inf" => "Infinity",
        "-inf" => "-Infinity",
        "nan" => "NaN",
        var text => text,
    };

    private void WriteList(IReadOnlyList<object?> items, int level)
    {
        _result.Append('[');
        for (var i = 0; i < items.Count; i++)
        {
            Separate(i == 0, level + 1);
            Write(items[i], level + 1);
        }

        Close(items.Count, level, ']');
    }

    private void WriteDict(DictValue dict, int level)
    {
        _result.Append('{');
        var keys = _sorted ? Ordering.Sort(dict.Keys, key => key, reverse: false) : dict.Keys;
        var first = true;
        foreach (var key in keys)
        {
            dict.TryGet(key, out var value);
            Separate(first, level + 1);
            first = false;
            WriteText(KeyText(key));
            _result.Append(_keySeparator);
            Write(value, level + 1);
        }

        Close(dict.Count, level, '}');
    }

    private static string KeyText(object? key) => key switch
    {
        string text => text,
        bool b => b ? "true" : "false",
        null => "null",
        double d => Number(d),
        long or BigInteger => TextForm.Repr(key),
        _ => throw new EngineException($"keys must be str, int, float, bool or None, not {Kinds.Name(key)}"),
    };

    private void Separate(bool first, int level)
    {
        if (!first)
            _result.Append(_itemSeparator);
        NewLine(level);
    }

    private void Close(int count, int level, char bracket)
    {
        if (count > 0)
            NewLine(level);
        _result.Append(bracket);
    }

    private void NewLine(int level)
    {
        if (_indent is null)
            return;
        _result.Append('\n');
        for (var i = 0; i < level; i++)
            _result.Append(_indent);
    }

    private void WriteText(string text)
    {
        _result.Append('"');
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' => _result.Append("\\\""),
                '\\' => _result.Append("\\\\"),
                '\n' => _result.Append("\\n"),
                '\r' => _result.Append("\\r"),
                '\t' => _result.Append("\\t"),
                '\b' => _result.Append("\\b"),
                '\f' => _result.Append("\\f"),
                < ' ' => _result.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                > '~' when _ascii => _result.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => _result.Append(c),
            };
        }

        _result.Append('"');
    }
}
