using System.Text.Json;
using Afina.Engine.Tensors;

namespace Afina.Formats.HuggingFace;

/// <summary>Typed access to a JSON configuration; every error names the file and the key.</summary>
/// <remarks>An explicit null counts as absent, except for <see cref="Has"/>.</remarks>
/// <param name="json">The JSON object.</param>
/// <param name="file">The file's name, for messages.</param>
/// <param name="prefix">The path of this object in the file, with a final dot; empty for the whole.</param>
public sealed class ConfigReader(JsonElement json, string file, string prefix = "")
{
    /// <summary>The JSON object.</summary>
    public JsonElement Json { get; } = json;

    /// <summary>The file's name, for messages.</summary>
    public string File { get; } = file;

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">It is no valid JSON object.</exception>
    public static ConfigReader Open(string path) => new(JsonFile.ReadObject(path), Path.GetFileName(path));

    /// <summary>Whether the key is there, even as null.</summary>
    public bool Has(string key) => Json.TryGetProperty(key, out _);

    /// <summary>A whole number, or null where the key is absent.</summary>
    public int? OptionalInt(string key) => Find(key) is { } value ? Int(value, key) : null;

    /// <summary>A whole number.</summary>
    public int RequiredInt(string key) => OptionalInt(key) ?? throw Missing(key);

    /// <summary>A whole number of at least 1.</summary>
    public int RequiredPositive(string key) => Positive(key) ?? throw Missing(key);

    /// <summary>A whole number of at least 1, or null where the key is absent.</summary>
    public int? Positive(string key) => OptionalInt(key) is { } value ? value >= 1 ? value : throw Wrong(key, "must be at least 1") : null;

    /// <summary>A number, or null where the key is absent.</summary>
    public double? OptionalNumber(string key) => Find(key) is { } value ? Number(value, key) : null;

    /// <summary>A number.</summary>
    public double RequiredNumber(string key) => OptionalNumber(key) ?? throw Missing(key);

    /// <summary>A truth value, or null where the key is absent.</summary>
    public bool? OptionalBool(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => throw Wrong(key, "must be true or false"),
    };

    /// <summary>A text, or null where the key is absent.</summary>
    public string? OptionalString(string key) => Find(key) is { } value ? String(value, key) : null;

    /// <summary>A text.</summary>
    public string RequiredString(string key) => OptionalString(key) ?? throw Missing(key);

    /// <summary>A list of whole numbers (a lone one counts as a list), or null where the key is absent.</summary>
    public int[]? OptionalInts(string key) => List(key, Int);

    /// <summary>A list of numbers, or null where the key is absent.</summary>
    public double[]? OptionalNumbers(string key) => List(key, Number);

    /// <summary>A list of texts, or null where the key is absent.</summary>
    public string[]? OptionalStrings(string key) => List(key, String);

    /// <summary>An object, or null where the key is absent.</summary>
    public ConfigReader? OptionalObject(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } value => new ConfigReader(value, File, $"{prefix}{key}."),
        _ => throw Wrong(key, "must be an object"),
    };

    /// <summary>The type of the weights (<c>dtype</c>, or <c>torch_dtype</c> before transformers 4.56), or null where none of Afina's is named.</summary>
    public DType? WeightType => (OptionalString("dtype") ?? OptionalString("torch_dtype"))?.Replace("torch.", "", StringComparison.Ordinal) switch
    {
        "float32" or "float" => DType.F32,
        "bfloat16" => DType.BF16,
        "float16" or "half" => DType.F16,
        _ => null,
    };

    /// <summary>An error about a key's value: "config.json: 'key' is VALUE; it " and <paramref name="what"/>.</summary>
    public InvalidDataException Wrong(string key, string what)
    {
        var value = Json.TryGetProperty(key, out var element) ? element.GetRawText() : "absent";
        return Refusal.For($"{File}: '{prefix}{key}' is {(value.Length > 60 ? value[..60] + "…" : value)}; it {what}");
    }

    private JsonElement? Find(string key) => Json.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private InvalidDataException Missing(string key) => Refusal.For($"{File}: the key '{prefix}{key}' is missing");

    private int Int(JsonElement value, string key)
    {
        if (value.ValueKind == JsonValueKind.Number)
        {
            if (value.TryGetInt32(out var whole))
                return whole;
            if (value.TryGetDouble(out var number) && number == Math.Floor(number) && Math.Abs(number) <= int.MaxValue)
                return (int)number;
        }

        throw Wrong(key, "must be a whole number of 32 bits");
    }

    private double Number(JsonElement value, string key) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number) ? number : throw Wrong(key, "must be a number");

    private string String(JsonElement value, string key) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(key, "must be a text");

    private T[]? List<T>(string key, Func<JsonElement, string, T> read)
    {
        if (Find(key) is not { } value)
            return null;
        return value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(item => read(item, key))] : [read(value, key)];
    }
}
