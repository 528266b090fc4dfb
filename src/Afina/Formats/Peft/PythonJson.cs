using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Afina.Formats.Peft;

/// <summary>Writes JSON byte for byte as Python's <c>json.dumps(value, indent=2, sort_keys=True)</c>.</summary>
internal static class PythonJson
{
    /// <summary>An object of these members; a value is null, bool, string, <see cref="int"/>, <see cref="PeftNumber"/>, <see cref="JsonElement"/>,
    /// a list of values, or a dictionary of them.</summary>
    public static string Write(object? value)
    {
        var text = new StringBuilder();
        Write(text, value, 0);
        return text.ToString();
    }

    /// <summary>Python's <c>repr</c> of a float: the shortest digits that read back the same, an exponent below 1e-4 and from 1e16 on.</summary>
    public static string Float(double value)
    {
        if (!double.IsFinite(value))
            return double.IsNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        var negative = shortest[0] == '-' ? "-" : "";
        var parts = shortest.TrimStart('-').Split('E');
        var whole = parts[0].Split('.')[0].Length;
        var digits = parts[0].Replace(".", "", StringComparison.Ordinal);
        var significant = digits.TrimStart('0');
        if (significant.Length == 0)
            return negative + "0.0";
        var exponent = whole - 1 - (digits.Length - significant.Length) + (parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0);
        significant = significant.TrimEnd('0');
        if (exponent is < -4 or >= 16)
        {
            var mantissa = significant.Length > 1 ? $"{significant[0]}.{significant[1..]}" : significant;
            return $"{negative}{mantissa}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }

        if (exponent < 0)
            return $"{negative}0.{new string('0', -exponent - 1)}{significant}";
        return significant.Length > exponent + 1
            ? $"{negative}{significant[..(exponent + 1)]}.{significant[(exponent + 1)..]}"
            : $"{negative}{significant.PadRight(exponent + 1, '0')}.0";
    }

    private static void Write(StringBuilder text, object? value, int depth)
    {
        switch (value)
        {
            case null:
                text.Append("null");
                break;
            case bool truth:
                text.Append(truth ? "true" : "false");
                break;
            case string words:
                Quote(text, words);
                break;
            case int number:
                text.Append(number.ToString(CultureInfo.InvariantCulture));
                break;
            case PeftNumber number:
                text.Append(number.ToString());
                break;
            case JsonElement element:
                WriteElement(text, element, depth);
                break;
            case IEnumerable<KeyValuePair<string, object?>> members:
                WriteObject(text, members, depth);
                break;
            case IEnumerable<object?> items:
                WriteList(text, items, depth);
                break;
            default:
                throw new ArgumentException($"no JSON for {value.GetType()}", nameof(value));
        }
    }

    private static void WriteElement(StringBuilder text, JsonElement element, int depth)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                WriteObject(text, element.EnumerateObject().Select(member => KeyValuePair.Create(member.Name, (object?)member.Value)), depth);
                break;
            case JsonValueKind.Array:
                WriteList(text, element.EnumerateArray().Select(item => (object?)item), depth);
                break;
            case JsonValueKind.String:
                Quote(text, element.GetString()!);
                break;
            case JsonValueKind.Number:
                var raw = element.GetRawText();
                text.Append(raw.AsSpan().IndexOfAny(".eE") < 0 ? raw : Float(element.GetDouble()));
                break;
            default:
                text.Append(element.GetRawText());
                break;
        }
    }

    private static void WriteObject(StringBuilder text, IEnumerable<KeyValuePair<string, object?>> members, int depth)
    {
        var count = 0;
        foreach (var (name, value) in members.OrderBy(member => member.Key, StringComparer.Ordinal))
        {
            text.Append(count++ == 0 ? "{" : ",");
            Break(text, depth + 1);
            Quote(text, name);
            text.Append(": ");
            Write(text, value, depth + 1);
        }

        Close(text, count, "{}", '}', depth);
    }

    private static void WriteList(StringBuilder text, IEnumerable<object?> items, int depth)
    {
        var count = 0;
        foreach (var item in items)
        {
            text.Append(count++ == 0 ? "[" : ",");
            Break(text, depth + 1);
            Write(text, item, depth + 1);
        }

        Close(text, count, "[]", ']', depth);
    }

    private static void Close(StringBuilder text, int count, string empty, char end, int depth)
    {
        if (count == 0)
        {
            text.Append(empty);
            return;
        }

        Break(text, depth);
        text.Append(end);
    }

    private static void Break(StringBuilder text, int depth) => text.Append('\n').Append(' ', 2 * depth);

    private static void Quote(StringBuilder text, string words)
    {
        text.Append('"');
        foreach (var c in words)
        {
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                < ' ' or > '~' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => text.Append(c),
            };
        }

        text.Append('"');
    }
}
