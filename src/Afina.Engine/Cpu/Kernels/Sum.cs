using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The <see cref="Sum"/> of one or two values.</summary>
internal sealed class SumKernel(Node node, Memory memory) : RowKernel(node.Outputs[0].Rows, node.Outputs[0].Columns)
{
    private readonly Cells _a = new(node.Inputs[0]!, memory);
    private readonly Cells _b = node.Inputs.Length > 1 ? new Cells(node.Inputs[1]!, memory) : default;
    private readonly Cells _y = new(node.Outputs[0], memory);
    private readonly bool _adds = node.Adds[0];

    protected override void Row(int row, in Counts counts)
    {
        var (first, last) = ((long)row * _y.Columns, (row + 1L) * _y.Columns);
        for (; first <= last - 16; first += 16)
            _y.Put(first, _b.Exists ? _a.Load(first) + _b.Load(first) : _a.Load(first), _adds);
        for (; first < last; first++)
            _y.PutOne(first, _b.Exists ? _a.One(first) + _b.One(first) : _a.One(first), _adds);
    }
}
