using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The segments of a batch as an attention kernel sees them: their queries, their children, the rows that belong to none.</summary>
/// <remarks>Arrays have the capacity's size; <see cref="Begin"/> fills them anew for each batch and allocates nothing.</remarks>
internal sealed unsafe class AttentionSegments(Node node, Memory memory)
{
    private readonly int* _segments = (int*)memory[node.Inputs[3]];
    private readonly int* _chosen = (int*)memory[node.Inputs[4]];
    private readonly Dimension _queries = node.Inputs[0]!.Rows;
    private readonly Dimension _rows = node.Inputs[1]!.Rows;
    private readonly int[] _firstQuery = new int[memory.Capacity.Segments];
    private readonly int[] _queryCount = new int[memory.Capacity.Segments];
    private readonly int[] _firstChild = new int[memory.Capacity.Segments];
    private readonly int[] _lastChild = new int[memory.Capacity.Segments];
    private readonly int[] _nextSibling = new int[memory.Capacity.Segments];
    private readonly bool[] _covered = new bool[node.Inputs[1]!.Rows.Of(memory.Capacity)];

    /// <summary>Segments of this batch.</summary>
    public int Count { get; private set; }

    /// <summary>Query rows of this batch.</summary>
    public int Queries { get; private set; }

    /// <summary>Rows of this batch.</summary>
    public int Rows { get; private set; }

    /// <summary>Whether every row belongs to a segment.</summary>
    public bool CoversAll { get; private set; }

    public Segment this[int segment]
    {
        get
        {
            var at = _segments + (long)segment * Segment.Fields;
            return new Segment(at[0], at[1], at[2], at[3], at[4], at[5]);
        }
    }

    /// <summary>The first query row of a segment.</summary>
    public int FirstQuery(int segment) => _firstQuery[segment];

    /// <summary>The query rows of a segment.</summary>
    public int QueryCount(int segment) => _queryCount[segment];

    /// <summary>The batch row of a query row.</summary>
    public int RowOf(int query) => _chosen is null ? query : _chosen[query];

    /// <summary>Whether a row belongs to a segment.</summary>
    public bool Covers(int row) => _covered[row];

    public void Begin(in Counts counts)
    {
        (Count, Queries, Rows) = (counts.Segments, _queries.Of(counts), _rows.Of(counts));
        Array.Clear(_covered, 0, Rows);
        var covered = 0;
        for (var s = 0; s < Count; s++)
        {
            var segment = this[s];
            var end = segment.Start + segment.Length;
            if (segment.Start < 0 || segment.Length < 0 || end > Rows || segment.Parent >= s || segment.CacheLength < 0
                || segment.CacheStart < 0 || segment.CacheStart + segment.CacheLength > counts.CachedRows)
                throw new ArgumentException($"segment {s} is {segment}, but there are {Rows} rows and {counts.CachedRows} cached ones, and a parent must come before");
            Array.Fill(_covered, true, segment.Start, segment.Length);
            covered += segment.Length;
            _firstQuery[s] = LowerBound(segment.Start);
            _queryCount[s] = LowerBound(end) - _firstQuery[s];
            (_firstChild[s], _lastChild[s], _nextSibling[s]) = (-1, -1, -1);
            if (segment.Parent < 0)
                continue;
            if (_firstChild[segment.Parent] < 0)
                _firstChild[segment.Parent] = s;
            else
                _nextSibling[_lastChild[segment.Parent]] = s;
            _lastChild[segment.Parent] = s;
        }

        if (covered > Rows)
            throw new ArgumentException($"segments cover {covered} rows, but there are {Rows}");
        CoversAll = covered == Rows;
    }

    /// <summary>The segment after <paramref name="at"/> in the tree below and with <paramref name="root"/>, parents first; −1 at the end.</summary>
    public int NextBelow(int root, int at)
    {
        if (_firstChild[at] >= 0)
            return _firstChild[at];
        while (at != root)
        {
            if (_nextSibling[at] >= 0)
                return _nextSibling[at];
            at = this[at].Parent;
        }

        return -1;
    }

    /// <summary>The first query whose row is not before <paramref name="row"/>.</summary>
    public int LowerBound(int row)
    {
        if (_chosen is null)
            return row;
        var (low, high) = (0, Queries);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_chosen[middle] < row)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }
}
