using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Four phases over tiles of rows, with sums in double precision that are added in the order of the tiles: means of rows and partial
/// sums of columns; means of columns; the size of the update; the update.</summary>
internal sealed unsafe class AdafactorKernel : Kernel
{
    private const int TileRows = 64;

    private readonly Adafactor _operation;
    private readonly int _rows;
    private readonly int _columns;
    private readonly int _tiles;
    private readonly float* _value;
    private readonly float* _gradient;
    private readonly float* _norm;
    private readonly float* _rate;
    private readonly float* _first;
    private readonly float* _second;

    // Sums of the columns of each tile, then of the tiles' squared values and squared updates, then 1/√ of each row's and column's mean.
    private readonly double* _columnSums;
    private readonly double* _sizes;
    private readonly double* _squares;
    private readonly float* _byRow;
    private readonly float* _byColumn;

    public AdafactorKernel(Adafactor operation, Node node, Memory memory)
    {
        _operation = operation;
        (_rows, _columns) = (operation.Parameter.Value.Rows.Size, operation.Parameter.Value.Columns);
        _tiles = (_rows + TileRows - 1) / TileRows;
        _value = (float*)memory[node.Outputs[0]];
        _gradient = (float*)memory[node.Inputs[0]];
        _norm = (float*)memory[node.Inputs[1]];
        _rate = (float*)memory[node.Inputs[2]];
        _first = (float*)memory[node.Inputs[3]];
        _second = operation.IsFactored ? (float*)memory[node.Inputs[4]] : null;
        _columnSums = (double*)memory.SharedScratch;
        _sizes = _columnSums + (long)_tiles * _columns;
        _squares = _sizes + _tiles;
        _byRow = (float*)(_squares + _tiles);
        _byColumn = _byRow + _rows;
    }

    public override Planning.Scratch Scratch => new((_tiles * (_columns + 2L) * sizeof(double)) + ((_rows + (long)_columns) * sizeof(float)), 0);

    public override int Phases(in Counts counts) => 4;

    public override int Tiles(int phase, in Counts counts) => phase == 1 ? Math.Min(_tiles, 1) : _tiles;

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        if (!float.IsFinite(*_norm))
            return;
        var factor = _operation.Clip > 0 ? (float)Math.Min(1, _operation.Clip / (*_norm + 1e-6)) : 1;
        var keep = 1 - Math.Pow(counts.Step + 1, _operation.DecayRate);
        var (row, last) = (tile * TileRows, Math.Min((tile + 1) * TileRows, _rows));
        switch (phase)
        {
            case 0:
                Measure(tile, row, last, factor, keep);
                break;
            case 1:
                Means(keep);
                break;
            case 2:
                _squares[tile] = Square(row, last, factor);
                break;
            default:
                Update(row, last, factor, counts.Step);
                break;
        }
    }

    private void Measure(int tile, int row, int last, float factor, double keep)
    {
        var columns = new Span<double>(_columnSums + (long)tile * _columns, _columns);
        columns.Clear();
        var size = 0.0;
        for (; row < last; row++)
        {
            var (sum, at) = (0.0, (long)row * _columns);
            for (var j = 0; j < _columns; j++)
            {
                var g = (double)(_gradient[at + j] * factor);
                var square = g * g + 1e-30;
                sum += square;
                columns[j] += square;
                size += (double)_value[at + j] * _value[at + j];
            }

            if (_operation.IsFactored)
                _first[row] = (float)(keep * _first[row] + (1 - keep) * sum / _columns);
        }

        _sizes[tile] = size;
    }

    private void Means(double keep)
    {
        var mean = 1.0;
        if (_operation.IsFactored)
        {
            mean = 0;
            for (var i = 0; i < _rows; i++)
                mean += _first[i];
            mean /= _rows;
        }

        for (var i = 0; i < _rows; i++)
            _byRow[i] = _operation.IsFactored ? (float)(1 / Math.Sqrt(_first[i] / mean)) : 1;
        var means = _operation.IsFactored ? _second : _first;
        for (var j = 0; j < _columns; j++)
        {
            var sum = 0.0;
            for (var tile = 0; tile < _tiles; tile++)
                sum += _columnSums[(long)tile * _columns + j];
            means[j] = (float)(keep * means[j] + (1 - keep) * sum / _rows);
            _byColumn[j] = (float)(1 / Math.Sqrt(means[j]));
        }
    }

    private double Square(int row, int last, float factor)
    {
        var square = 0.0;
        for (; row < last; row++)
        {
            for (var j = 0; j < _columns; j++)
            {
                var update = (double)(_gradient[(long)row * _columns + j] * factor * _byRow[row] * _byColumn[j]);
                square += update * update;
            }
        }

        return square;
    }

    private void Update(int row, int last, float factor, int step)
    {
        var (size, square, count) = (0.0, 0.0, _rows * (double)_columns);
        for (var tile = 0; tile < _tiles; tile++)
            (size, square) = (size + _sizes[tile], square + _squares[tile]);
        var rate = _operation.RateOf(*_rate, step, Math.Sqrt(size / count));
        var length = (float)(rate / Math.Max(1, Math.Sqrt(square / count) / _operation.Threshold));
        var keep = (float)(1 - rate * _operation.WeightDecay);
        for (; row < last; row++)
        {
            var at = (long)row * _columns;
            for (var j = 0; j < _columns; j++, at++)
            {
                _value[at] = _value[at] * keep - length * (_gradient[at] * factor * _byRow[row] * _byColumn[j]);
                _gradient[at] = 0;
            }
        }
    }
}
