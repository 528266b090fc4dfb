using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The heads of a matrix, packed once per run for all tiles: as left rows of the first product, of the second, or of both. Groups
/// go through the whole batch, whatever its segments are, since padding short segments to groups could take many times the memory.</summary>
internal sealed unsafe class PackedHeads
{
    private readonly AttentionProducts _products;
    private readonly PanelSource _rows;
    private readonly PanelSource _columns;
    private readonly int _heads;
    private readonly long _rowCapacity;
    private readonly long _columnCapacity;
    private byte* _data;

    /// <param name="rows">Whether the first product reads it.</param>
    /// <param name="columns">Whether the second product reads it.</param>
    /// <param name="gaps">Rows that are left out between segments, at most, in what the second product reads.</param>
    public PackedHeads(AttentionProducts products, Value value, Memory memory, bool rows, bool columns, int gaps = 0)
    {
        (_products, _heads) = (products, value.Columns / products.HeadDim);
        var operand = Operand.Dense(memory[value], value.Type, value.Columns);
        _rows = operand.Source(products.Kind, left: true);
        _columns = operand.Transposed.Source(products.Kind, left: true);
        _rowCapacity = rows ? products.Padded(value.Rows.Of(memory.Capacity)) : 0;
        _columnCapacity = columns ? products.Padded(value.Rows.Of(memory.Capacity) + gaps) : 0;
    }

    /// <summary>Memory for it.</summary>
    public long Bytes => _heads * (_rowCapacity * _products.RowBytes + _products.ColumnBytes(_columnCapacity));

    /// <summary>The steps between two groups of columns.</summary>
    public long AllSteps => _products.Steps(_columnCapacity);

    /// <summary>Gives it its memory.</summary>
    public void Bind(byte* data) => _data = data;

    /// <summary>Packs all heads of some rows.</summary>
    /// <param name="first">A group begins here, if the first product reads them.</param>
    /// <param name="firstStep">Where they go for the second product.</param>
    public void Pack(int first, int count, long firstStep, byte* scratch)
    {
        // A group of rows and then its next head: rows are read from their beginning to their end.
        for (var row = first; row < first + count && _rowCapacity > 0; row += _products.GroupRows)
        {
            for (var head = 0; head < _heads; head++)
                _products.PackRows(_rows, row, Math.Min(_products.GroupRows, first + count - row), head * _products.HeadDim, Rows(head, row), scratch);
        }

        for (var head = 0; head < _heads && _columnCapacity > 0; head++)
            _products.PackColumns(_columns, first, count, head * _products.HeadDim, Columns(head), firstStep, AllSteps, scratch);
    }

    /// <summary>A row, the first of a group, for the first product.</summary>
    public byte* Rows(int head, int row) => _data + (head * _rowCapacity + row) * _products.RowBytes;

    /// <summary>All rows for the second product.</summary>
    public byte* Columns(int head) => _data + _heads * _rowCapacity * _products.RowBytes + head * _products.ColumnBytes(_columnCapacity);
}
