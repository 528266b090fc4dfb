using System.Text;

namespace Afina.Text.Tokenizers.Normalizers;

/// <summary>The Unicode normal forms NFC, NFD, NFKC and NFKD, with alignment (the runtime's own are off and would give none).</summary>
internal sealed class UnicodeNormalizer(bool compatible, bool compose) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        if (!text.Span.ContainsAnyExceptInRange('\0', '\x7F'))
            return text;
        var data = UnicodeDecomposition.Instance;
        var points = new List<(int CodePoint, int Change)>(text.Length + 16);
        foreach (var rune in text.Span.EnumerateRunes())
            data.Decompose(rune.Value, compatible, points);
        Order(data, points);
        if (compose)
            points = Compose(data, points);
        return text.Replace(points.Select(point => (new Rune(point.CodePoint), point.Change)));
    }

    /// <summary>Sorts every run of marks by combining class, keeping the order of equal ones.</summary>
    private static void Order(UnicodeDecomposition data, List<(int CodePoint, int Change)> points)
    {
        for (var start = 0; start < points.Count; start++)
        {
            var end = start;
            while (end < points.Count && data.ClassOf(points[end].CodePoint) > 0)
                end++;
            if (end - start > 1)
            {
                var sorted = points[start..end].OrderBy(point => data.ClassOf(point.CodePoint)).ToArray();
                for (var i = 0; i < sorted.Length; i++)
                    points[start + i] = sorted[i];
            }

            start = end;
        }
    }

    /// <summary>Joins starters and marks. What is joined carries the sum of the changes, less the one that vanished.</summary>
    private static List<(int CodePoint, int Change)> Compose(UnicodeDecomposition data, List<(int CodePoint, int Change)> points)
    {
        var output = new List<(int CodePoint, int Change)>(points.Count);
        var starter = -1;
        var lastClass = -1;
        foreach (var point in points)
        {
            var own = data.ClassOf(point.CodePoint);
            if (starter >= 0 && lastClass < own)
            {
                var joined = data.Compose(output[starter].CodePoint, point.CodePoint);
                if (joined >= 0)
                {
                    output[starter] = (joined, output[starter].Change + point.Change - 1);
                    continue;
                }
            }

            if (own == 0)
            {
                starter = output.Count;
                lastClass = -1;
            }
            else
            {
                lastClass = own;
            }

            output.Add(point);
        }

        return output;
    }
}
