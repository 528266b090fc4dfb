using System.Text.Json.Nodes;

namespace Afina.Data.Preparation;

/// <summary>Takes the prompt of a preference row from what its two answers have in common.</summary>
internal static class ImplicitPrompt
{
    /// <summary>Afina's way: all that is equal at the beginning; of texts not a final space, nor half a character.</summary>
    public static JsonObject Split(JsonObject columns)
    {
        if (columns["chosen"] is JsonArray chosen && columns["rejected"] is JsonArray rejected)
        {
            var same = 0;
            while (same < Math.Min(chosen.Count, rejected.Count) && JsonNode.DeepEquals(chosen[same], rejected[same]))
                same++;
            // Equal answers: the last turn is the answer.
            return Cut(columns, same == chosen.Count && same == rejected.Count ? same - 1 : same);
        }

        var (a, b) = (columns["chosen"]!.GetValue<string>(), columns["rejected"]!.GetValue<string>());
        var length = a.AsSpan().CommonPrefixLength(b);
        if (length > 0 && length < a.Length && char.IsHighSurrogate(a[length - 1]))
            length--;
        if (length > 0 && (length < a.Length || length < b.Length) && a[length - 1] == ' ')
            length--;
        return Cut(columns, length);
    }

    /// <summary>TRL's way, where the last element stays in the answers if one side begins with the other, and where a first element that
    /// differs makes a final space of the chosen text decide.</summary>
    /// <exception cref="InvalidDataException">An answer is empty.</exception>
    public static JsonObject SplitAsTrl(Row row)
    {
        var columns = row.Columns;
        if (columns["chosen"] is JsonArray chosen && columns["rejected"] is JsonArray rejected)
        {
            var shorter = Math.Min(chosen.Count, rejected.Count);
            if (shorter == 0)
                throw row.Refuse("an answer has no messages");
            var same = 0;
            while (same < shorter - 1 && JsonNode.DeepEquals(chosen[same], rejected[same]))
                same++;
            return Cut(columns, same);
        }

        // Python counts code points.
        var (a, b) = (Runes(row, columns["chosen"]), Runes(row, columns["rejected"]));
        var end = Math.Min(a.Length, b.Length);
        if (end == 0)
            throw row.Refuse("an answer is empty");
        var index = 0;
        while (index < end - 1 && a[index] == b[index])
            index++;
        if (a[index] != b[index] && a[index == 0 ? ^1 : index - 1] == " ")
            index--;
        var result = Others(columns);
        result["prompt"] = string.Concat(Sliced(a, 0, index));
        result["chosen"] = string.Concat(Sliced(a, index, a.Length));
        result["rejected"] = string.Concat(Sliced(b, index, b.Length));
        return result;
    }

    private static IEnumerable<string> Sliced(string[] text, int from, int to)
    {
        from = from < 0 ? Math.Max(0, text.Length + from) : from;
        to = to < 0 ? Math.Max(0, text.Length + to) : to;
        return text.Take(to).Skip(from);
    }

    private static string[] Runes(Row row, JsonNode? value) => value is JsonValue text && text.TryGetValue<string>(out var found)
        ? [.. found.EnumerateRunes().Select(rune => rune.ToString())]
        : throw row.Refuse("chosen and rejected must both be texts or both be lists of messages");

    private static JsonObject Cut(JsonObject columns, int length)
    {
        var result = Others(columns);
        if (columns["chosen"] is JsonArray chosen)
        {
            result["prompt"] = Part(chosen, 0, length);
            result["chosen"] = Part(chosen, length, chosen.Count);
            result["rejected"] = Part(columns["rejected"]!.AsArray(), length, columns["rejected"]!.AsArray().Count);
            return result;
        }

        var (a, b) = (columns["chosen"]!.GetValue<string>(), columns["rejected"]!.GetValue<string>());
        result["prompt"] = a[..length];
        result["chosen"] = a[length..];
        result["rejected"] = b[length..];
        return result;
    }

    private static JsonObject Others(JsonObject columns)
    {
        var result = new JsonObject();
        foreach (var (key, value) in columns)
        {
            if (key is not ("prompt" or "chosen" or "rejected"))
                result[key] = value?.DeepClone();
        }

        return result;
    }

    private static JsonArray Part(JsonArray list, int from, int to) => new([.. list.Take(to).Skip(from).Select(item => item?.DeepClone())]);
}
