using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The mask is computed, never stored: the loop is plain, so that the compiler and the reference agree on every bit.</summary>
internal sealed unsafe class DropoutKernel(Dropout operation, Node node, Memory memory) : RowKernel(node.Outputs[0].Rows, node.Outputs[0].Columns)
{
    private readonly Cells _x = new(node.Inputs[0]!, memory);
    private readonly Cells _y = new(node.Outputs[0], memory);
    private readonly int* _rows = node.Inputs.Length > 1 ? (int*)memory[node.Inputs[1]] : null;
    private readonly bool _adds = node.Adds[0];
    private readonly float _scale = 1 / (1 - operation.Probability);

    protected override void Row(int row, in Counts counts)
    {
        var key = CounterRandom.Key(counts, operation.Module);
        var place = _rows is null ? row : _rows[row];
        var first = (long)row * _y.Columns;
        for (var j = 0; j < _y.Columns; j++)
            _y.PutOne(first + j, CounterRandom.Keeps(key, place, j, operation.Probability) ? _x.One(first + j) * _scale : 0, _adds);
    }
}
