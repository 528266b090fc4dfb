using System.Text;
using System.Text.Json;
using Afina.Text.Tokenizers.Normalizers;
using Afina.Text.Tokenizers.Patterns;

namespace Afina.Text.Tokenizers.PreTokenizers;

/// <summary>A step that cuts text into the pieces that the model sees.</summary>
internal abstract class PreTokenizer
{
    public abstract void Apply(Pieces pieces);

    /// <summary>Whether the step asks where a piece came from, so that spans must be kept.</summary>
    public virtual bool NeedsAlignment => false;

    /// <summary>Reads the component. Throws <see cref="InvalidDataException"/> for one that is unknown or not valid.</summary>
    public static PreTokenizer Read(JsonElement json) => json.Text("type") switch
    {
        "Sequence" => new SequencePreTokenizer([.. json.Items("pretokenizers").Select(Read)]),
        "Split" => new SplitPreTokenizer(Normalizer.ReadPattern(json), Behavior(json), json.Flag("invert", false)),
        "ByteLevel" => new ByteLevelPreTokenizer(json.Flag("add_prefix_space", true), json.Flag("use_regex", true)),
        "Metaspace" => MetaspacePreTokenizer.Read(json),
        "Digits" => new CharacterPreTokenizer(UnicodeProperties.IsNumber, json.Flag("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
        "Punctuation" => new CharacterPreTokenizer(IsPunctuation, Behavior(json)),
        "Whitespace" => new WordPreTokenizer(),
        "WhitespaceSplit" => new CharacterPreTokenizer(UnicodeProperties.IsSpace, SplitBehavior.Removed),
        "BertPreTokenizer" => new SequencePreTokenizer(
        [
            new CharacterPreTokenizer(UnicodeProperties.IsSpace, SplitBehavior.Removed),
            new CharacterPreTokenizer(IsPunctuation, SplitBehavior.Isolated),
        ]),
        "CharDelimiterSplit" => new CharacterPreTokenizer(Delimiter(json), SplitBehavior.Removed),
        "FixedLength" => new FixedLengthPreTokenizer(json.Count("length", 5)),
        "UnicodeScripts" => throw new InvalidDataException("pre-tokenizer \"UnicodeScripts\" is not supported"),
        var other => throw new InvalidDataException($"unknown pre-tokenizer \"{other}\""),
    };

    private static bool IsPunctuation(int c) => UnicodeProperties.IsAsciiPunctuation(c) || UnicodeProperties.IsPunctuation(c);

    private static Func<int, bool> Delimiter(JsonElement json)
    {
        var text = json.Text("delimiter");
        if (Rune.DecodeFromUtf16(text, out var rune, out var length) != System.Buffers.OperationStatus.Done || length != text.Length)
            throw new InvalidDataException("CharDelimiterSplit: \"delimiter\" must be one character");
        return c => c == rune.Value;
    }

    private static SplitBehavior Behavior(JsonElement json) => json.Text("behavior", "Isolated") switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        var other => throw new InvalidDataException($"{json.TypeName()}: unknown behavior \"{other}\""),
    };
}
