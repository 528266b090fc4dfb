using System.Text.Json;
using System.Text.Json.Nodes;

namespace Afina.Data.Preparation;

/// <summary>Leaves assistant turns out of training that say so themselves: <c>weight</c> 0 (OpenAI's files) or <c>train</c> false (axolotl's).</summary>
internal static class TurnWeights
{
    /// <summary>The spans of the turns that are trained.</summary>
    /// <exception cref="InvalidDataException">A weight is neither 0 nor 1, or the spans cannot be told apart.</exception>
    public static IReadOnlyList<(int Start, int End)> Trained(Row row, IReadOnlyList<(int Start, int End)> spans)
    {
        var kept = new List<bool>();
        foreach (var name in (string[])["messages", "prompt", "completion"])
        {
            foreach (var message in row.Columns[name] as JsonArray ?? [])
            {
                if (message is JsonObject turn && turn["role"]?.GetValue<string>() == "assistant")
                    kept.Add(IsTrained(row, turn));
            }
        }

        if (!kept.Contains(false))
            return spans;
        if (kept.Count != spans.Count)
            throw row.Refuse("a turn has a weight, but the chat template does not mark each of the assistant's turns once: leave the weights out");
        return [.. spans.Where((_, i) => kept[i])];
    }

    private static bool IsTrained(Row row, JsonObject turn)
    {
        foreach (var name in (string[])["weight", "train", "training"])
        {
            switch (turn[name])
            {
                case null:
                    break;
                case JsonValue value when value.GetValueKind() is JsonValueKind.True or JsonValueKind.False:
                    return value.GetValueKind() == JsonValueKind.True;
                case JsonValue value when value.TryGetValue<double>(out var number) && number is 0 or 1:
                    return number != 0;
                default:
                    throw row.Refuse($"'{name}' of an assistant's turn must be 0 (not trained) or 1 (trained)");
            }
        }

        return true;
    }
}
