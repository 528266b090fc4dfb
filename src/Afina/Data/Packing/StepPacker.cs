namespace Afina.Data.Packing;

/// <summary>Cuts the sequences of one optimizer step into micro-batches: those with a common prefix go together, the rest fills up
/// (best fit decreasing). The same sequences always give the same micro-batches.</summary>
public sealed class StepPacker(PackingLimits limits)
{
    /// <summary>Packs the sequences of a step.</summary>
    /// <param name="sequences">The sequences; one without targets takes no place.</param>
    /// <param name="groups">For each sequence the number of its group, or null: the sequences of a group share a micro-batch.</param>
    /// <exception cref="ArgumentException">A sequence or group is larger than a micro-step.</exception>
    public IReadOnlyList<MicroBatch> Pack(IReadOnlyList<Sequence> sequences, IReadOnlyList<int>? groups = null)
    {
        var bins = new List<(List<Piece> Pieces, int Rows, int Segments, int Targets)>();
        foreach (var piece in Pieces(sequences, groups).OrderByDescending(piece => piece.Rows))
        {
            var best = -1;
            for (var i = 0; i < bins.Count; i++)
            {
                var bin = bins[i];
                if (Fits(bin.Rows + piece.Rows, bin.Segments + piece.Segments, bin.Targets + piece.Targets) && (best < 0 || bin.Rows > bins[best].Rows))
                    best = i;
            }

            if (best < 0)
            {
                best = bins.Count;
                bins.Add(([], 0, 0, 0));
            }

            var (pieces, rows, segments, targets) = bins[best];
            pieces.Add(piece);
            bins[best] = (pieces, rows + piece.Rows, segments + piece.Segments, targets + piece.Targets);
        }

        return [.. bins.Select(bin => Laid(sequences, bin.Pieces.Select(piece => piece.Members)).Build())];
    }

    private readonly record struct Piece(int[] Members, int Rows, int Segments, int Targets);

    /// <summary>Runs of neighbours in the order of their tokens that share a prefix and fit together.</summary>
    private List<Piece> Pieces(IReadOnlyList<Sequence> sequences, IReadOnlyList<int>? groups)
    {
        var units = Enumerable.Range(0, sequences.Count).Where(index => sequences[index].Targets.Count > 0)
            .GroupBy(index => groups?[index] ?? index)
            .Select(unit => unit.Order(Comparer<int>.Create((a, b) => PrefixTree.Compare(sequences, a, b))).ToArray())
            .ToList();
        units.Sort((a, b) => PrefixTree.Compare(sequences, a[0], b[0]));

        var pieces = new List<Piece>();
        foreach (var unit in units)
        {
            var open = pieces.Count - 1;
            if (open >= 0 && limits.SharedPrefix > 0
                && sequences[unit[0]].Tokens.Span.CommonPrefixLength(sequences[pieces[open].Members[^1]].Tokens.Span) >= limits.SharedPrefix)
            {
                var joined = Measure(sequences, [.. pieces[open].Members, .. unit]);
                if (Fits(joined.Rows, joined.Segments, joined.Targets))
                {
                    pieces[open] = joined;
                    continue;
                }
            }

            var single = Measure(sequences, unit);
            if (!Fits(single.Rows, single.Segments, single.Targets))
                throw new ArgumentException($"an example of {single.Rows} rows and {single.Targets} targets does not fit into a micro-step of {limits.Rows} rows: lower sequence_len or allow more memory");
            pieces.Add(single);
        }

        return pieces;
    }

    private Piece Measure(IReadOnlyList<Sequence> sequences, int[] members)
    {
        var tree = Laid(sequences, [members]);
        return new Piece(members, tree.Rows, tree.Segments, tree.Targets);
    }

    private PrefixTree Laid(IReadOnlyList<Sequence> sequences, IEnumerable<int[]> pieces)
    {
        var tree = new PrefixTree(sequences, limits.SharedPrefix);
        foreach (var piece in pieces)
            tree.Add(piece);
        return tree;
    }

    private bool Fits(int rows, int segments, int targets) => rows <= limits.Rows && segments <= limits.Segments && targets <= limits.Targets;
}
