using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Afina.Text.Templates.Values;

namespace Afina.Text.Templates;

/// <summary>Turns JSON into the template's values; a number with a point or an exponent is a float, any other an int.</summary>
internal static class JsonValues
{
    private const int MaxDepth = 256;

    public static object? From(JsonNode? node, int depth = 0)
    {
        if (depth > MaxDepth)
            throw new FormatException($"the conversation's JSON is nested over {MaxDepth} deep");
        switch (node)
        {
            case null:
                return null;
            case JsonObject entries:
                var dict = new DictValue(entries.Count);
                foreach (var (key, value) in entries)
                    dict[key] = From(value, depth + 1);
                return dict;
            case JsonArray items:
                var list = new List<object?>(items.Count);
                foreach (var item in items)
                    list.Add(From(item, depth + 1));
                return list;
            default:
                return FromValue((JsonValue)node);
        }
    }

    private static object? FromValue(JsonValue value)
    {
        switch (value.GetValueKind())
        {
            case JsonValueKind.String: return value.GetValue<string>();
            case JsonValueKind.True: return true;
            case JsonValueKind.False: return false;
            case JsonValueKind.Number: break;
            default: return null;
        }

        if (value.TryGetValue<double>(out var number) && !value.TryGetValue<JsonElement>(out _) && !value.TryGetValue<long>(out _))
            return number;
        return FromNumber(value.ToJsonString());
    }

    private static object FromNumber(string text)
    {
        if (text.AsSpan().ContainsAny(".eE"))
            return double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        if (text.Length > 4300)
            throw new FormatException("the conversation has a whole number of over 4300 digits");
        return Numbers.Normalize(BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
    }
}
