using Afina.Text.Tokenizers.Normalizers;
using Afina.Text.Tokenizers.Patterns;

namespace Afina.Text.Tokenizers.PreTokenizers;

/// <summary>Steps in order, each on the pieces of the one before.</summary>
internal sealed class SequencePreTokenizer(IReadOnlyList<PreTokenizer> steps) : PreTokenizer
{
    public override bool NeedsAlignment => steps.Any(step => step.NeedsAlignment);

    public override void Apply(Pieces pieces)
    {
        foreach (var step in steps)
            step.Apply(pieces);
    }
}

/// <summary>Splits where a pattern matches.</summary>
internal sealed class SplitPreTokenizer(Pattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    public override void Apply(Pieces pieces) => pieces.Split(pattern, behavior, invert);
}

/// <summary>Splits at code points that fulfil a predicate.</summary>
internal sealed class CharacterPreTokenizer(Func<int, bool> isMatch, SplitBehavior behavior) : PreTokenizer
{
    private readonly CharSet _set = new(isMatch);

    public override void Apply(Pieces pieces) => pieces.Split(_set.Contains, behavior);
}

/// <summary>Keeps runs of word characters and runs of what is neither these nor white space, as Rust's regex crate counts them.</summary>
internal sealed class WordPreTokenizer : PreTokenizer
{
    private static readonly CharSet Words = new(UnicodeProperties.IsRustWord);

    public override void Apply(Pieces pieces)
    {
        pieces.Split(UnicodeProperties.IsSpace, SplitBehavior.Removed);
        pieces.Split(Words.Contains, SplitBehavior.Contiguous);
    }
}

/// <summary>Cuts into runs of so many code points.</summary>
internal sealed class FixedLengthPreTokenizer(int length) : PreTokenizer
{
    private readonly int _length = length > 0 ? length : throw new InvalidDataException("FixedLength: \"length\" must be at least 1");

    public override void Apply(Pieces pieces) => pieces.Cut((text, ends) =>
    {
        var count = 0;
        var at = 0;
        foreach (var rune in text.Span.EnumerateRunes())
        {
            at += rune.Utf16SequenceLength;
            if (++count % _length == 0 || at == text.Length)
                ends.Add(at);
        }
    });
}

/// <summary>GPT-2's splitting, and the spelling of bytes as printable characters.</summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useRegex) : PreTokenizer
{
    internal const string Expression = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    private static readonly Pattern Words = Pattern.Regex(Expression);

    public override void Apply(Pieces pieces)
    {
        if (addPrefixSpace)
        {
            pieces.Rewrite((writer, text, start, end) =>
            {
                if (text.Span[start] != ' ')
                    writer.Append(' ', start);
                writer.Keep(start, end);
            });
        }

        if (useRegex)
            pieces.Split(Words, SplitBehavior.Isolated, false);
        pieces.Rewrite(ByteLevelNormalizer.Spell);
    }
}
