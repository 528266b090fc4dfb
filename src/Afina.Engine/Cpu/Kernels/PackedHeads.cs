using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The heads of a matrix, packed once per run for all tiles: as left rows of the first product, of the second, or of both.
/// Segments lie one after the other, each from a whole group of rows on.</summary>
internal sealed unsafe class PackedHeads
{
    private readonly AttentionProducts _products;
    private readonly PanelSource _rows;
    private readonly PanelSource _columns;
    private readonly int _heads;
    private readonly long _capacity;
    private readonly bool _hasRows;
    private readonly bool _hasColumns;
    private readonly int[] _start;
    private byte* _data;

    public PackedHeads(AttentionProducts products, Value value, Memory memory, bool rows, bool columns)
    {
        (_products, _hasRows, _hasColumns) = (products, rows, columns);
        _heads = value.Columns / products.HeadDim;
        var operand = Operand.Dense(memory[value], value.Type, value.Columns);
        _rows = operand.Source(products.Kind, left: true);
        _columns = operand.Transposed.Source(products.Kind, left: true);
        var (count, segments) = (value.Rows.Of(memory.Capacity), memory.Capacity.Segments);
        _capacity = products.Padded(count) + (long)Math.Min(count, segments) * products.GroupRows;
        _start = new int[segments];
    }

    /// <summary>Memory for it.</summary>
    public long Bytes => RowsBytes + (_hasColumns ? _heads * _products.ColumnBytes(_capacity) : 0);

    private long RowsBytes => _hasRows ? _heads * _capacity * _products.RowBytes : 0;

    private int Used { get; set; }

    /// <summary>Gives it its memory.</summary>
    public void Bind(byte* data) => _data = data;

    public void Clear() => Used = 0;

    /// <summary>Makes place for a segment.</summary>
    public void Add(int segment, int rows)
    {
        _start[segment] = Used;
        Used += _products.Padded(rows);
    }

    /// <summary>Packs all heads of a block of a segment.</summary>
    /// <param name="from">The segment's first row in the matrix.</param>
    /// <param name="first">The first row of the block in the segment.</param>
    /// <param name="all">The segment's rows.</param>
    public void Pack(int segment, int from, int first, int count, int all, byte* scratch)
    {
        // A group of rows and then its next head: rows are read from their beginning to their end.
        for (var row = first; row < first + count && _hasRows; row += _products.GroupRows)
        {
            for (var head = 0; head < _heads; head++)
                _products.PackRows(_rows, from + row, Math.Min(_products.GroupRows, first + count - row), head * _products.HeadDim, Rows(segment, head, row), scratch);
        }

        for (var head = 0; head < _heads && _hasColumns; head++)
            _products.PackColumns(_columns, from + first, count, head * _products.HeadDim, Columns(segment, head), _products.Steps(first), _products.Steps(all), scratch);
    }

    /// <summary>Packs rows of the matrix that are lanes.</summary>
    public void PackLanes(int head, int row, int count, int width, byte* destination, byte* scratch) =>
        _products.PackLanes(_rows, row, count, head * _products.HeadDim, width, destination, scratch);

    /// <summary>A row, the first of a group, for the first product.</summary>
    public byte* Rows(int segment, int head, int row) => _data + (head * _capacity + _start[segment] + row) * _products.RowBytes;

    /// <summary>A segment for the second product.</summary>
    public byte* Columns(int segment, int head) => _data + RowsBytes + head * _products.ColumnBytes(_capacity) + _products.ColumnBytes(_start[segment]);
}
