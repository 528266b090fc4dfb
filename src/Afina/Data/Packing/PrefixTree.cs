using Afina.Engine.Ops;

namespace Afina.Data.Packing;

/// <summary>Lays sequences out as segments, with a segment of its own for a prefix that several of them have.</summary>
/// <remarks>
/// A row's hidden state depends on the tokens up to it alone, so a row that sequences share may carry the targets of each of them,
/// whether these are equal or not. Sorted by their tokens, sequences with a common prefix are neighbours, and a run of neighbours shares
/// the least of what each shares with the next.
/// </remarks>
/// <param name="sequences">All sequences.</param>
/// <param name="least">The fewest tokens for which a prefix becomes a segment; further down the fewest rows that one has to save. 0 never shares.</param>
internal sealed class PrefixTree(IReadOnlyList<Sequence> sequences, int least)
{
    private readonly List<int> _tokens = [];
    private readonly List<Segment> _segments = [];
    private readonly List<(Target Target, int Owner)> _targets = [];
    private readonly List<int> _members = [];
    private int[] _order = [];
    private int[] _common = [];
    private int[] _rowAt = [];

    /// <summary>Rows so far.</summary>
    public int Rows => _tokens.Count;

    /// <summary>Segments so far.</summary>
    public int Segments => _segments.Count;

    /// <summary>Targets so far.</summary>
    public int Targets => _targets.Count;

    /// <summary>By tokens, then by number.</summary>
    public static int Compare(IReadOnlyList<Sequence> sequences, int a, int b)
    {
        var order = sequences[a].Tokens.Span.SequenceCompareTo(sequences[b].Tokens.Span);
        return order != 0 ? order : a.CompareTo(b);
    }

    /// <summary>Lays out the sequences of these numbers; what was added before is not shared with them.</summary>
    public void Add(IEnumerable<int> members)
    {
        _order = [.. members];
        _members.AddRange(_order);
        Array.Sort(_order, (a, b) => Compare(sequences, a, b));
        _common = new int[_order.Length];
        for (var i = 1; i < _order.Length; i++)
            _common[i] = Tokens(i).CommonPrefixLength(Tokens(i - 1));
        _rowAt = new int[_order.Length == 0 ? 0 : _order.Max(member => sequences[member].Tokens.Length)];
        if (_order.Length > 0)
            Lay(0, _order.Length, 0, -1);
    }

    /// <summary>What was laid out.</summary>
    public MicroBatch Build()
    {
        var targets = _targets.OrderBy(target => target.Target.Row).ToArray();
        return new MicroBatch([.. _tokens], [.. _segments], [.. targets.Select(target => target.Target)],
            [.. targets.Select(target => target.Owner)], [.. _members.Order()]);
    }

    private ReadOnlySpan<int> Tokens(int place) => sequences[_order[place]].Tokens.Span;

    /// <summary>Lays out the run of sequences whose first <paramref name="depth"/> tokens are in <paramref name="parent"/> and its ancestors.</summary>
    private void Lay(int from, int to, int depth, int parent)
    {
        if (to - from == 1)
        {
            var common = depth == 0 && least > 0 ? sequences[_order[from]].Common : depth;
            Emit(from, common, Tokens(from).Length, Emit(from, depth, common, parent));
            foreach (var target in sequences[_order[from]].Targets)
                _targets.Add((new Target(_rowAt[target.Position], target.Token, target.Weight), _order[from]));
            return;
        }

        var cut = from + 1;
        for (var i = cut + 1; i < to; i++)
        {
            if (_common[i] < _common[cut])
                cut = i;
        }

        var gained = _common[cut] - depth;
        if (least > 0 && gained > 0 && (depth == 0 ? gained : gained * (to - from - 1)) >= least)
        {
            // Those that have so much in common have the same mark.
            var end = depth == 0 && sequences[_order[from]].Common is > 0 and var common ? Math.Min(common, _common[cut]) : _common[cut];
            Lay(from, to, end, Emit(from, depth, end, parent));
            return;
        }

        Lay(from, cut, depth, parent);
        Lay(cut, to, depth, parent);
    }

    private int Emit(int place, int depth, int end, int parent)
    {
        if (end == depth)
            return parent;
        for (var position = depth; position < end; position++)
            _rowAt[position] = Rows + position - depth;
        _segments.Add(new Segment(Rows, end - depth, parent, depth));
        _tokens.AddRange(Tokens(place)[depth..end]);
        return _segments.Count - 1;
    }
}
