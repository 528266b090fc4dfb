using System.Globalization;
using System.Numerics;
using System.Text;

namespace Afina.Text.Templates.Values;

/// <summary>Python's str() and repr().</summary>
internal static class TextForm
{
    /// <summary>What printing shows.</summary>
    public static string Str(object? value) => value switch
    {
        string text => text,
        Markup markup => markup.Text,
        Undefined => "",
        long n => n.ToString(CultureInfo.InvariantCulture),
        _ => Repr(value),
    };

    /// <summary>What a value looks like inside a list.</summary>
    public static string Repr(object? value)
    {
        var result = new StringBuilder();
        Append(result, value);
        return result.ToString();
    }

    private static void Append(StringBuilder result, object? value)
    {
        Budget.CheckStack();
        Budget.Current.Spend(1);
        switch (value)
        {
            case null: result.Append("None"); break;
            case bool b: result.Append(b ? "True" : "False"); break;
            case long n: result.Append(n); break;
            case BigInteger n: result.Append(n.ToString(CultureInfo.InvariantCulture)); break;
            case double d: result.Append(FloatText.Repr(d)); break;
            case string text: AppendQuoted(result, text); break;
            case Markup markup:
                result.Append("Markup(");
                AppendQuoted(result, markup.Text);
                result.Append(')');
                break;
            case List<object?> list: AppendItems(result, '[', list, ']'); break;
            case TupleValue tuple:
                AppendItems(result, '(', tuple.Items, ')');
                if (tuple.Items.Length == 1)
                    result.Insert(result.Length - 1, ',');
                break;
            case DictValue dict: AppendDict(result, dict); break;
            case DictView view:
                result.Append(view.TypeName).Append('(');
                AppendItems(result, '[', view.Iterate(), ']');
                result.Append(')');
                break;
            case RangeValue range:
                result.Append(CultureInfo.InvariantCulture, $"range({range.Start}, {range.Stop}");
                result.Append(range.Step == 1 ? ")" : string.Create(CultureInfo.InvariantCulture, $", {range.Step})"));
                break;
            case BytesValue bytes: AppendBytes(result, bytes.Bytes); break;
            case Undefined: result.Append("Undefined"); break;
            case NamespaceValue space:
                result.Append("<Namespace ");
                AppendDict(result, space.Attributes);
                result.Append('>');
                break;
            case Callable callable: result.Append("<function ").Append(callable.Name).Append('>'); break;
            default: result.Append('<').Append(Kinds.Name(value)).Append(" object>"); break;
        }

        Budget.Current.Grow(result.Length, 32);
    }

    private static void AppendItems(StringBuilder result, char open, IEnumerable<object?> items, char close)
    {
        result.Append(open);
        var first = true;
        foreach (var item in items)
        {
            if (!first)
                result.Append(", ");
            first = false;
            Append(result, item);
        }

        result.Append(close);
    }

    private static void AppendDict(StringBuilder result, DictValue dict)
    {
        result.Append('{');
        var first = true;
        foreach (var (key, value) in dict.Items)
        {
            if (!first)
                result.Append(", ");
            first = false;
            Append(result, key);
            result.Append(": ");
            Append(result, value);
        }

        result.Append('}');
    }

    private static void AppendQuoted(StringBuilder result, string text)
    {
        var quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        result.Append(quote);
        for (var i = 0; i < text.Length; i += Characters.Width(text, i))
        {
            var c = text[i];
            if (c == quote || c == '\\')
                result.Append('\\').Append(c);
            else if (c is '\n' or '\r' or '\t')
                result.Append('\\').Append(c switch { '\n' => 'n', '\r' => 'r', _ => 't' });
            else if (c is >= ' ' and < '\x7f' || Characters.IsPrintable(text, i))
                result.Append(text, i, Characters.Width(text, i));
            else
                AppendEscape(result, Characters.Width(text, i) == 2 ? char.ConvertToUtf32(text, i) : c);
        }

        result.Append(quote);
    }

    private static void AppendEscape(StringBuilder result, int point) =>
        result.Append(point <= 0xff ? $"\\x{point:x2}" : point <= 0xffff ? $"\\u{point:x4}" : $"\\U{point:x8}");

    private static void AppendBytes(StringBuilder result, byte[] bytes)
    {
        var quote = bytes.Contains((byte)'\'') && !bytes.Contains((byte)'"') ? '"' : '\'';
        result.Append('b').Append(quote);
        foreach (var b in bytes)
        {
            if (b == quote || b == '\\')
                result.Append('\\').Append((char)b);
            else if (b is (byte)'\n' or (byte)'\r' or (byte)'\t')
                result.Append('\\').Append(b switch { (byte)'\n' => 'n', (byte)'\r' => 'r', _ => 't' });
            else if (b is >= 0x20 and < 0x7f)
                result.Append((char)b);
            else
                AppendEscape(result, b);
        }

        result.Append(quote);
    }
}
