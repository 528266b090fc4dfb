using System.Text;

namespace Afina.Text.Tokenizers;

/// <summary>Text on its way through a tokenizer, and for every UTF-16 unit the span of the original text that it came from.</summary>
/// <remarks>Without tracking only the text is kept. As long as nothing was changed, unit i came from unit Origin + i.</remarks>
internal sealed class AlignedText
{
    private readonly char[] _chars;
    private readonly int[]? _starts;
    private readonly int[]? _ends;

    /// <summary>An unchanged part of the original text.</summary>
    public AlignedText(ReadOnlySpan<char> text, int origin, bool tracked)
    {
        _chars = text.ToArray();
        Length = text.Length;
        Origin = origin;
        Tracked = tracked;
    }

    private AlignedText(AlignedText source, char[] chars, int length, int[]? starts, int[]? ends)
    {
        _chars = chars;
        Length = length;
        Origin = source.Origin;
        Tracked = source.Tracked;
        _starts = starts;
        _ends = ends;
        Changed = true;
    }

    public int Length { get; }

    /// <summary>Where the original part begins in the whole text.</summary>
    public int Origin { get; }

    /// <summary>Whether the spans are kept.</summary>
    public bool Tracked { get; }

    /// <summary>Whether this is the outcome of a change.</summary>
    public bool Changed { get; }

    public ReadOnlySpan<char> Span => _chars.AsSpan(0, Length);

    /// <summary>Where the unit's original span begins, in the whole text.</summary>
    public int StartOf(int unit)
    {
        if (_starts is not null)
            return _starts[unit];
        return Origin + (unit > 0 && char.IsLowSurrogate(_chars[unit]) && char.IsHighSurrogate(_chars[unit - 1]) ? unit - 1 : unit);
    }

    /// <summary>Where the unit's original span ends, in the whole text.</summary>
    public int EndOf(int unit)
    {
        if (_ends is not null)
            return _ends[unit];
        return Origin + (unit + 1 < Length && char.IsHighSurrogate(_chars[unit]) && char.IsLowSurrogate(_chars[unit + 1]) ? unit + 2 : unit + 1);
    }

    /// <summary>Builds the text that takes another's place.</summary>
    internal sealed class Writer(AlignedText source)
    {
        private char[] _chars = new char[source.Length + (source.Length >> 2) + 16];
        private int[]? _starts = source.Tracked ? new int[source.Length + (source.Length >> 2) + 16] : null;
        private int[]? _ends = source.Tracked ? new int[source.Length + (source.Length >> 2) + 16] : null;

        public int Length { get; private set; }

        /// <summary>Takes units over as they are.</summary>
        public void Keep(int start, int end)
        {
            for (var unit = start; unit < end; unit++)
                Append(source._chars[unit], unit);
        }

        /// <summary>Writes a unit that came from where the source's unit came from (-1: from the beginning, from nothing).</summary>
        public void Append(char c, int sourceUnit)
        {
            if (Length == _chars.Length)
                Grow();
            _chars[Length] = c;
            if (_starts is not null)
            {
                _starts[Length] = sourceUnit < 0 ? source.Origin : source.StartOf(sourceUnit);
                _ends![Length] = sourceUnit < 0 ? source.Origin : source.EndOf(sourceUnit);
            }

            Length++;
        }

        public void Append(Rune rune, int sourceUnit)
        {
            Span<char> units = stackalloc char[2];
            foreach (var unit in units[..rune.EncodeToUtf16(units)])
                Append(unit, sourceUnit);
        }

        public void Append(ReadOnlySpan<char> text, int sourceUnit)
        {
            foreach (var c in text)
                Append(c, sourceUnit);
        }

        public AlignedText Finish() => new(source, _chars, Length, _starts, _ends);

        private void Grow()
        {
            Array.Resize(ref _chars, _chars.Length * 2);
            if (_starts is null)
                return;
            Array.Resize(ref _starts, _chars.Length);
            Array.Resize(ref _ends, _chars.Length);
        }
    }

    /// <summary>Replaces the whole text by code points that say how they relate to the old ones: 0 stands for the next old one, 1 is new
    /// (and shares the span of the one before), -n stands for the next old one and lets n more vanish.</summary>
    public AlignedText Replace(IEnumerable<(Rune Rune, int Change)> replacement)
    {
        var writer = new Writer(this);
        var at = 0;
        foreach (var (rune, change) in replacement)
        {
            writer.Append(rune, change > 0 ? at - 1 : Math.Min(at, Length - 1));
            for (var consumed = change > 0 ? 1 : change; consumed <= 0 && at < Length; consumed++)
                at += at + 1 < Length && char.IsSurrogatePair(_chars[at], _chars[at + 1]) ? 2 : 1;
        }

        return writer.Finish();
    }
}
