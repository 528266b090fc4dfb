using System.Globalization;
using System.Text;
using Afina.Text.Tokenizers.Patterns;

namespace Afina.Text.Tokenizers.Normalizers;

/// <summary>Steps in order.</summary>
internal sealed class SequenceNormalizer(IReadOnlyList<Normalizer> steps) : Normalizer
{
    public override AlignedText Apply(AlignedText text) => steps.Aggregate(text, (current, step) => step.Apply(current));
}

/// <summary>Full lower case of every code point by itself.</summary>
internal sealed class LowercaseNormalizer : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        var writer = new AlignedText.Writer(text);
        var at = 0;
        foreach (var rune in text.Span.EnumerateRunes())
        {
            if (rune.Value == 0x130)
                writer.Append("i\u0307", at);
            else
                writer.Append(Rune.ToLowerInvariant(rune), at);
            at += rune.Utf16SequenceLength;
        }

        return writer.Finish();
    }
}

/// <summary>Trims white space.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        var (start, end) = (0, text.Length);
        while (left && start < end && char.IsWhiteSpace(text.Span[start]))
            start++;
        while (right && end > start && char.IsWhiteSpace(text.Span[end - 1]))
            end--;
        if (start == 0 && end == text.Length)
            return text;
        var writer = new AlignedText.Writer(text);
        writer.Keep(start, end);
        return writer.Finish();
    }
}

/// <summary>Drops code points, and maps those that stay.</summary>
internal sealed class FilterNormalizer(Func<int, bool> keep, Func<int, int>? map) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        var writer = new AlignedText.Writer(text);
        var at = 0;
        foreach (var rune in text.Span.EnumerateRunes())
        {
            if (keep(rune.Value))
                writer.Append(map is null ? rune : new Rune(map(rune.Value)), at);
            at += rune.Utf16SequenceLength;
        }

        return writer.Finish();
    }
}

/// <summary>Puts a string in front of text that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        if (text.Length == 0)
            return text;
        var writer = new AlignedText.Writer(text);
        writer.Append(prefix, 0);
        writer.Keep(0, text.Length);
        return writer.Finish();
    }
}

/// <summary>Replaces every match; the new text is aligned with the last character of the match.</summary>
internal sealed class ReplaceNormalizer(Pattern pattern, string content) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        AlignedText.Writer? writer = null;
        var last = 0;
        pattern.Find(text.Span, (start, end) =>
        {
            writer ??= new AlignedText.Writer(text);
            writer.Keep(last, start);
            writer.Append(content, end - 1);
            last = end;
        });
        if (writer is null)
            return text;
        writer.Keep(last, text.Length);
        return writer.Finish();
    }
}

/// <summary>Spells the UTF-8 bytes in the byte alphabet.</summary>
internal sealed class ByteLevelNormalizer : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        var writer = new AlignedText.Writer(text);
        Spell(writer, text, 0, text.Length);
        return writer.Finish();
    }

    internal static void Spell(AlignedText.Writer writer, AlignedText text, int start, int end)
    {
        var span = text.Span;
        Span<byte> bytes = stackalloc byte[4];
        for (var at = start; at < end;)
        {
            if (span[at] < 0x80)
            {
                writer.Append(ByteAlphabet.CharOf((byte)span[at]), at);
                at++;
                continue;
            }

            Rune.DecodeFromUtf16(span[at..end], out var rune, out var width);
            foreach (var value in bytes[..rune.EncodeToUtf8(bytes)])
                writer.Append(ByteAlphabet.CharOf(value), at);
            at += width;
        }
    }
}

/// <summary>The cleaning of BERT, as a sequence of simpler steps.</summary>
internal static class BertNormalizer
{
    public static Normalizer Create(bool cleanText, bool handleChinese, bool stripAccents, bool lowercase)
    {
        var steps = new List<Normalizer>();
        if (cleanText)
            steps.Add(new FilterNormalizer(c => c is not (0 or 0xFFFD) && !IsControl(c), c => UnicodeProperties.IsSpace(c) ? ' ' : c));
        if (handleChinese)
            steps.Add(new ChineseSpacing());
        if (stripAccents)
        {
            steps.Add(new UnicodeNormalizer(false, false));
            steps.Add(new FilterNormalizer(c => UnicodeProperties.Category(c) != UnicodeCategory.NonSpacingMark, null));
        }

        if (lowercase)
            steps.Add(new LowercaseNormalizer());
        return new SequenceNormalizer(steps);
    }

    private static bool IsControl(int c) => c is not ('\t' or '\n' or '\r') && UnicodeProperties.Category(c) is
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate;

    private sealed class ChineseSpacing : Normalizer
    {
        public override AlignedText Apply(AlignedText text)
        {
            var writer = new AlignedText.Writer(text);
            var at = 0;
            foreach (var rune in text.Span.EnumerateRunes())
            {
                var chinese = IsChinese(rune.Value);
                if (chinese)
                    writer.Append(' ', at);
                writer.Append(rune, at);
                if (chinese)
                    writer.Append(' ', at);
                at += rune.Utf16SequenceLength;
            }

            return writer.Finish();
        }

        // 2B920 is the reference program's; Unicode's block begins at 2B820.
        private static bool IsChinese(int c) => c is >= 0x4E00 and <= 0x9FFF or >= 0x3400 and <= 0x4DBF or >= 0x20000 and <= 0x2A6DF
            or >= 0x2A700 and <= 0x2B73F or >= 0x2B740 and <= 0x2B81F or >= 0x2B920 and <= 0x2CEAF or >= 0xF900 and <= 0xFAFF or >= 0x2F800 and <= 0x2FA1F;
    }
}

/// <summary>The cleaning of Google's neural machine translation.</summary>
internal static class NmtNormalizer
{
    public static Normalizer Create() => new FilterNormalizer(
        c => c is not (>= 0x01 and <= 0x08 or 0x0B or >= 0x0E and <= 0x1F or 0x7F or 0x8F or 0x9F),
        c => c is 0x09 or 0x0A or 0x0C or 0x0D or 0x1680 or >= 0x200B and <= 0x200F or 0x2028 or 0x2029 or 0x2581 or 0xFEFF or 0xFFFD ? ' ' : c);
}
