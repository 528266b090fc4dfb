using Afina.Text.Tokenizers.Patterns;

namespace Afina.Text.Tokenizers;

/// <summary>What becomes of the matches that text is split at.</summary>
internal enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// <summary>A text cut into the pieces that the model sees one by one.</summary>
internal sealed class Pieces
{
    private List<(int Start, int End)> _ranges;

    public Pieces(AlignedText text, int start, int end)
    {
        Text = text;
        _ranges = start < end ? [(start, end)] : [];
    }

    public AlignedText Text { get; private set; }

    public IReadOnlyList<(int Start, int End)> Ranges => _ranges;

    public ReadOnlySpan<char> Of((int Start, int End) range) => Text.Span[range.Start..range.End];

    /// <summary>Splits every piece where the pattern matches (with <paramref name="invert"/>: where it does not).</summary>
    public void Split(Pattern pattern, SplitBehavior behavior, bool invert) => Split(pattern.Find, behavior, invert);

    /// <summary>Splits every piece at code points that fulfil a predicate, each of them a match of its own.</summary>
    public void Split(Func<int, bool> isMatch, SplitBehavior behavior) => Split(
        (text, found) =>
        {
            for (var at = 0; at < text.Length;)
            {
                var width = at + 1 < text.Length && char.IsSurrogatePair(text[at], text[at + 1]) ? 2 : 1;
                if (isMatch(width == 2 ? char.ConvertToUtf32(text[at], text[at + 1]) : text[at]))
                    found(at, at + width);
                at += width;
            }
        },
        behavior,
        false);

    private delegate void Finder(ReadOnlySpan<char> text, Action<int, int> found);

    private void Split(Finder find, SplitBehavior behavior, bool invert)
    {
        var parts = new List<(int Start, int End)>(_ranges.Count * 2);
        var segments = new List<(int Start, int End, bool Match)>();
        foreach (var range in _ranges)
        {
            segments.Clear();
            var last = 0;
            find(Of(range), (start, end) =>
            {
                if (start > last)
                    segments.Add((last, start, invert));
                segments.Add((start, end, !invert));
                last = end;
            });
            if (last < range.End - range.Start)
                segments.Add((last, range.End - range.Start, invert));
            Arrange(segments, behavior, range.Start, parts);
        }

        _ranges = parts;
    }

    private static void Arrange(List<(int Start, int End, bool Match)> segments, SplitBehavior behavior, int offset, List<(int Start, int End)> parts)
    {
        var count = parts.Count;
        void Add(int start, int end)
        {
            if (end > start)
                parts.Add((offset + start, offset + end));
        }

        switch (behavior)
        {
            case SplitBehavior.MergedWithNext:
                for (var i = 0; i < segments.Count; i++)
                {
                    // A match joins the part behind it, unless that is a match itself.
                    var joins = segments[i].Match && i + 1 < segments.Count && !segments[i + 1].Match;
                    Add(segments[i].Start, joins ? segments[++i].End : segments[i].End);
                }

                break;
            case SplitBehavior.MergedWithPrevious:
            case SplitBehavior.Contiguous:
                var previousMatch = false;
                foreach (var (start, end, match) in segments)
                {
                    var joins = behavior == SplitBehavior.Contiguous ? match == previousMatch : match && !previousMatch;
                    if (joins && parts.Count > count)
                        parts[^1] = (parts[^1].Start, offset + end);
                    else
                        Add(start, end);
                    previousMatch = match;
                }

                break;
            default:
                foreach (var (start, end, match) in segments)
                {
                    if (!match || behavior != SplitBehavior.Removed)
                        Add(start, end);
                }

                break;
        }
    }

    /// <summary>Cuts every piece by a function that adds the ends of its parts.</summary>
    public void Cut(Action<ReadOnlyMemory<char>, List<int>> ends)
    {
        var parts = new List<(int Start, int End)>();
        var found = new List<int>();
        foreach (var range in _ranges)
        {
            found.Clear();
            ends(Of(range).ToArray(), found);
            var start = range.Start;
            foreach (var end in found)
            {
                parts.Add((start, range.Start + end));
                start = range.Start + end;
            }
        }

        _ranges = parts;
    }

    /// <summary>Rewrites every piece; a piece that becomes empty vanishes.</summary>
    public void Rewrite(Action<AlignedText.Writer, AlignedText, int, int> rewrite)
    {
        var writer = new AlignedText.Writer(Text);
        var parts = new List<(int Start, int End)>(_ranges.Count);
        foreach (var (start, end) in _ranges)
        {
            var before = writer.Length;
            rewrite(writer, Text, start, end);
            if (writer.Length > before)
                parts.Add((before, writer.Length));
        }

        Text = writer.Finish();
        _ranges = parts;
    }
}
