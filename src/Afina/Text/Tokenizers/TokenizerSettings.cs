using System.Text.Json;

namespace Afina.Text.Tokenizers;

/// <summary>What tokenizer_config.json, special_tokens_map.json and chat_template.jinja beside a tokenizer.json say.</summary>
internal sealed record TokenizerSettings
{
    public AddedToken? Bos { get; init; }

    public AddedToken? Eos { get; init; }

    public AddedToken? Pad { get; init; }

    public AddedToken? Unk { get; init; }

    /// <summary>More special tokens that the files name.</summary>
    public IReadOnlyList<AddedToken> Extra { get; init; } = [];

    /// <summary>The added tokens by id.</summary>
    public IReadOnlyList<AddedToken> Decoder { get; init; } = [];

    public bool CleanUpSpaces { get; init; }

    public bool SplitSpecialTokens { get; init; }

    public string? ChatTemplate { get; init; }

    /// <summary>Whether the file without a post-processor wants these added.</summary>
    public bool AddBos { get; init; }

    public bool AddEos { get; init; }

    /// <summary>Reads what of these files is in a folder. A chat template's own file wins over the configuration's key.</summary>
    public static TokenizerSettings Read(string folder)
    {
        var map = ReadJson(folder, "special_tokens_map.json");
        var config = ReadJson(folder, "tokenizer_config.json");
        var settings = new TokenizerSettings
        {
            Bos = Token(config, "bos_token") ?? Token(map, "bos_token"),
            Eos = Token(config, "eos_token") ?? Token(map, "eos_token"),
            Pad = Token(config, "pad_token") ?? Token(map, "pad_token"),
            Unk = Token(config, "unk_token") ?? Token(map, "unk_token"),
            Extra = [.. new[] { Token(config, "sep_token"), Token(config, "cls_token"), Token(config, "mask_token") }.OfType<AddedToken>(), .. ExtraTokens(config)],
            Decoder = [.. DecoderTokens(config)],
            CleanUpSpaces = config.Flag("clean_up_tokenization_spaces", false),
            SplitSpecialTokens = config.Flag("split_special_tokens", false),
            AddBos = config.Flag("add_bos_token", false),
            AddEos = config.Flag("add_eos_token", false),
            ChatTemplate = TemplateIn(config) ?? TemplateIn(ReadJson(folder, "chat_template.json")),
        };
        var template = Path.Combine(folder, "chat_template.jinja");
        return File.Exists(template) ? settings with { ChatTemplate = System.Text.Encoding.UTF8.GetString(WithoutMark(File.ReadAllBytes(template))) } : settings;
    }

    private static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> bytes) => bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;

    private static JsonElement ReadJson(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        if (!File.Exists(path))
            return default;
        try
        {
            using var document = JsonDocument.Parse(WithoutMark(File.ReadAllBytes(path)).ToArray());
            return document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{name} is not valid JSON (line {error.LineNumber + 1})");
        }
    }

    /// <summary>A token given as a string or as an object with flags.</summary>
    private static AddedToken? Token(JsonElement json, string name) => json.Optional(name) is { } value ? Token(value) : null;

    private static AddedToken? Token(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => new AddedToken(value.GetString()!, Normalized: false, Special: true),
        JsonValueKind.Object when value.Optional("content") is not null => AddedToken.Read(value) with { Special = true },
        _ => null,
    };

    private static IEnumerable<AddedToken> ExtraTokens(JsonElement config)
    {
        foreach (var name in new[] { "additional_special_tokens", "extra_special_tokens" })
        {
            if (config.Optional(name) is not { } value)
                continue;
            var items = value.ValueKind switch
            {
                JsonValueKind.Array => value.EnumerateArray().ToArray(),
                JsonValueKind.Object => value.EnumerateObject().Select(entry => entry.Value).ToArray(),
                _ => [],
            };
            foreach (var item in items)
            {
                if (Token(item) is { } token)
                    yield return token;
            }
        }
    }

    private static IEnumerable<AddedToken> DecoderTokens(JsonElement config)
    {
        if (config.Optional("added_tokens_decoder") is not { ValueKind: JsonValueKind.Object } decoder)
            return [];
        return decoder.EnumerateObject()
            .Select(entry => (Id: int.TryParse(entry.Name, out var id) ? id : int.MaxValue, Token: AddedToken.Read(entry.Value)))
            .OrderBy(entry => entry.Id).Select(entry => entry.Token);
    }

    private static string? TemplateIn(JsonElement json)
    {
        if (json.Optional("chat_template") is not { } value)
            return null;
        if (value.ValueKind == JsonValueKind.String)
            return value.GetString();
        if (value.ValueKind != JsonValueKind.Array)
            return null;
        var named = value.EnumerateArray().Where(entry => entry.OptionalText("template") is not null).ToArray();
        var chosen = named.Where(entry => entry.OptionalText("name") == "default").Concat(named).FirstOrDefault();
        return chosen.OptionalText("template");
    }
}
