using System.Text.Json;

namespace Afina.Text.Tokenizers;

/// <summary>Reading fields of tokenizer.json with errors that say where.</summary>
internal static class JsonParts
{
    /// <summary>The field, or null where it is absent or null.</summary>
    public static JsonElement? Optional(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public static JsonElement Required(this JsonElement element, string name) =>
        element.Optional(name) ?? throw new InvalidDataException($"{element.TypeName()} lacks \"{name}\"");

    public static string Text(this JsonElement element, string name, string? otherwise = null)
    {
        var value = element.Optional(name);
        if (value is null && otherwise is not null)
            return otherwise;
        var found = value ?? element.Required(name);
        return found.ValueKind == JsonValueKind.String ? found.GetString()! : throw new InvalidDataException($"{element.TypeName()}: \"{name}\" must be a string");
    }

    public static string? OptionalText(this JsonElement element, string name) => element.Optional(name) is null ? null : element.Text(name);

    public static bool Flag(this JsonElement element, string name, bool otherwise) => element.Optional(name)?.ValueKind switch
    {
        null => otherwise,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw new InvalidDataException($"{element.TypeName()}: \"{name}\" must be true or false"),
    };

    public static int Count(this JsonElement element, string name, int? otherwise = null)
    {
        var value = element.Optional(name);
        if (value is null && otherwise is { } given)
            return given;
        return (value ?? element.Required(name)).TryGetInt32Number(out var number) && number >= 0
            ? number
            : throw new InvalidDataException($"{element.TypeName()}: \"{name}\" must be a whole number from 0");
    }

    public static IEnumerable<JsonElement> Items(this JsonElement element, string name)
    {
        var list = element.Required(name);
        return list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : throw new InvalidDataException($"{element.TypeName()}: \"{name}\" must be a list");
    }

    public static bool TryGetInt32Number(this JsonElement element, out int number)
    {
        number = 0;
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out number);
    }

    /// <summary>The component's "type" for messages.</summary>
    public static string TypeName(this JsonElement element) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String ? type.GetString()! : "a part";
}
