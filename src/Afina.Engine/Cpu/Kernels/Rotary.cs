using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Cosines and sines of every row, in double precision from the fp32 angle, once per program.</summary>
internal sealed unsafe class RotaryTableKernel(RotaryTable operation, Node node, Memory memory) : RowKernel(node.Outputs[0].Rows, 8 * node.Outputs[0].Columns)
{
    private readonly int* _positions = (int*)memory[node.Inputs[0]];
    private readonly float* _frequencies = (float*)memory[node.Inputs[1]];
    private readonly Cells _table = new(node.Outputs[0], memory);

    protected override void Row(int row, in Counts counts)
    {
        var half = _table.Columns / 2;
        var first = (long)row * _table.Columns;
        for (var j = 0; j < half; j++)
        {
            var (sin, cos) = Math.SinCos((float)_positions[row] * _frequencies[j]);
            _table.StoreOne(first + j, (float)(operation.Scale * cos));
            _table.StoreOne(first + half + j, (float)(operation.Scale * sin));
        }
    }
}

/// <summary>Rotates the halves of each head.</summary>
internal sealed class RotaryKernel(Rotary operation, Node node, Memory memory) : RowKernel(node.Outputs[0].Rows, node.Outputs[0].Columns)
{
    private readonly Cells _x = new(node.Inputs[0]!, memory);
    private readonly Cells _table = new(node.Inputs[1]!, memory);
    private readonly Cells _y = new(node.Outputs[0], memory);
    private readonly bool _adds = node.Adds[0];

    protected override void Row(int row, in Counts counts)
    {
        var half = _table.Columns / 2;
        var cos = (long)row * _table.Columns;
        var sin = cos + half;
        var sign = operation.Inverse ? -1f : 1f;
        for (var first = (long)row * _x.Columns; first < (row + 1L) * _x.Columns; first += operation.HeadDim)
        {
            var j = 0;
            for (; j <= half - 16; j += 16)
            {
                var (a, b) = (_x.Load(first + j), _x.Load(first + half + j));
                var (c, s) = (_table.Load(cos + j), _table.Load(sin + j) * sign);
                _y.Put(first + j, a * c - b * s, _adds);
                _y.Put(first + half + j, b * c + a * s, _adds);
            }

            for (; j < half; j++)
            {
                var (a, b) = (_x.One(first + j), _x.One(first + half + j));
                var (c, s) = (_table.One(cos + j), _table.One(sin + j) * sign);
                _y.PutOne(first + j, a * c - b * s, _adds);
                _y.PutOne(first + half + j, b * c + a * s, _adds);
            }

            for (j = 2 * half; j < operation.HeadDim; j++)
                _y.PutOne(first + j, _x.One(first + j), _adds);
        }
    }
}
