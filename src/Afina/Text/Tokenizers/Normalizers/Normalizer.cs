using System.Text.Json;
using Afina.Text.Tokenizers.Patterns;

namespace Afina.Text.Tokenizers.Normalizers;

/// <summary>A step that changes text before it is split.</summary>
internal abstract class Normalizer
{
    public abstract AlignedText Apply(AlignedText text);

    /// <summary>The plain text's normalized form.</summary>
    public string Apply(string text) => Apply(new AlignedText(text, 0, false)).Span.ToString();

    /// <summary>Reads the component. Throws <see cref="InvalidDataException"/> for one that is unknown or not valid.</summary>
    public static Normalizer Read(JsonElement json) => json.Text("type") switch
    {
        "Sequence" => new SequenceNormalizer([.. json.Items("normalizers").Select(Read)]),
        "NFC" => new UnicodeNormalizer(false, true),
        "NFD" => new UnicodeNormalizer(false, false),
        "NFKC" => new UnicodeNormalizer(true, true),
        "NFKD" => new UnicodeNormalizer(true, false),
        "Lowercase" => new LowercaseNormalizer(),
        "Strip" => new StripNormalizer(json.Flag("strip_left", true), json.Flag("strip_right", true)),
        "StripAccents" => new FilterNormalizer(c => !UnicodeProperties.IsMark(c), null),
        "Prepend" => new PrependNormalizer(json.Text("prepend")),
        "Replace" => new ReplaceNormalizer(ReadPattern(json), json.Text("content")),
        "BertNormalizer" => BertNormalizer.Create(
            json.Flag("clean_text", true), json.Flag("handle_chinese_chars", true), json.Flag("strip_accents", json.Flag("lowercase", true)), json.Flag("lowercase", true)),
        "Nmt" => NmtNormalizer.Create(),
        "Precompiled" => new PrecompiledNormalizer(PrecompiledCharsMap.FromBase64(json.Text("precompiled_charsmap"))),
        "ByteLevel" => new ByteLevelNormalizer(),
        var other => throw new InvalidDataException($"unknown normalizer \"{other}\""),
    };

    /// <summary>Reads <c>{"String": …}</c> or <c>{"Regex": …}</c>.</summary>
    internal static Pattern ReadPattern(JsonElement json)
    {
        var pattern = json.Required("pattern");
        if (pattern.ValueKind == JsonValueKind.String)
            return Pattern.Literal(pattern.GetString()!);
        return pattern.OptionalText("String") is { } literal ? Pattern.Literal(literal)
            : pattern.OptionalText("Regex") is { } expression ? Pattern.Regex(expression)
            : throw new InvalidDataException($"{json.TypeName()}: \"pattern\" must have \"String\" or \"Regex\"");
    }
}
