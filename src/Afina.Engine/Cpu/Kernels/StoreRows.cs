using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Copies rows to their slots of a cache.</summary>
internal sealed unsafe class StoreRowsKernel(Node node, Memory memory) : RowKernel(node.Inputs[0]!.Rows, node.Outputs[0].Columns)
{
    private readonly byte* _x = memory[node.Inputs[0]];
    private readonly int* _slots = (int*)memory[node.Inputs[1]];
    private readonly byte* _cache = memory[node.Outputs[0]];
    private readonly int _bytes = node.Outputs[0].Columns * node.Outputs[0].Type.Bytes();

    protected override void Row(int row, in Counts counts)
    {
        if (_slots[row] >= 0)
            Buffer.MemoryCopy(_x + (long)row * _bytes, _cache + (long)_slots[row] * _bytes, _bytes, _bytes);
    }
}
