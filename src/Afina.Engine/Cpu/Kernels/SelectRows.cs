using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Copies the rows of an ascending list.</summary>
internal sealed unsafe class SelectRowsKernel(Node node, Memory memory) : RowKernel(node.Outputs[0].Rows, node.Outputs[0].Columns)
{
    private readonly byte* _x = memory[node.Inputs[0]];
    private readonly int* _index = (int*)memory[node.Inputs[1]];
    private readonly byte* _y = memory[node.Outputs[0]];
    private readonly int _bytes = node.Outputs[0].Columns * node.Outputs[0].Type.Bytes();

    protected override void Row(int row, in Counts counts) =>
        Buffer.MemoryCopy(_x + (long)_index[row] * _bytes, _y + (long)row * _bytes, _bytes, _bytes);
}

/// <summary>Puts the chosen rows back; where the gradient is assigned, the others become 0.</summary>
internal sealed unsafe class SelectRowsGradientKernel(Node node, Memory memory) : Kernel
{
    private const int Block = 32;

    private readonly Cells _dy = new(node.Inputs[0]!, memory);
    private readonly int* _index = (int*)memory[node.Inputs[1]];
    private readonly Cells _dx = new(node.Outputs[0], memory);
    private readonly bool _adds = node.Adds[0];

    public override int Tiles(int phase, in Counts counts) => (node.Outputs[0].Rows.Of(counts) + Block - 1) / Block;

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        var rows = node.Outputs[0].Rows.Of(counts);
        var (first, last) = (tile * Block, Math.Min((tile + 1) * Block, rows));
        var index = new ReadOnlySpan<int>(_index, node.Inputs[0]!.Rows.Of(counts));
        var at = index.BinarySearch(first);
        at = at < 0 ? ~at : at;
        for (var row = first; row < last; row++)
        {
            var (to, from) = ((long)row * _dx.Columns, (long)at * _dx.Columns);
            var chosen = at < index.Length && index[at] == row;
            if (chosen)
                at++;
            else if (_adds)
                continue;
            for (var j = 0; j < _dx.Columns; j++)
                _dx.PutOne(to + j, chosen ? _dy.One(from + j) : 0, _adds);
        }
    }
}
