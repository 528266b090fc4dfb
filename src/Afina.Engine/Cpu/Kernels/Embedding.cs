using System.Runtime.Intrinsics;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Rows of a table, widened from whatever format it is stored in.</summary>
internal sealed unsafe class EmbeddingKernel(Embedding operation, Node node, Memory memory) : RowKernel(node.Outputs[0].Rows, node.Outputs[0].Columns)
{
    private readonly int* _ids = (int*)memory[node.Inputs[0]];
    private readonly Value _table = node.Inputs[1]!;
    private readonly float* _bound = node.Inputs[1]!.Weight is null ? (float*)memory[node.Inputs[1]] : null;
    private readonly Cells _y = new(node.Outputs[0], memory);

    protected override void Row(int row, in Counts counts)
    {
        var dim = _y.Columns;
        var (from, to) = ((long)_ids[row] * dim, (long)row * dim);
        const int Piece = 256;
        var piece = stackalloc float[Piece];
        for (var first = 0; first < dim; first += Piece)
        {
            var count = Math.Min(Piece, dim - first);
            var source = _bound + from + first;
            if (_table.Weight is { } weight)
            {
                weight.Format.Decode(weight.Data, weight.Scales, from + first, count, piece);
                source = piece;
            }

            var j = 0;
            for (; j <= count - 16; j += 16)
                _y.Store(to + first + j, Vector512.Load(source + j) * operation.Scale);
            for (; j < count; j++)
                _y.StoreOne(to + first + j, source[j] * operation.Scale);
        }
    }
}

/// <summary>Sums the rows of each token: a tile is a stretch of columns, so that no two write one element.</summary>
internal sealed unsafe class EmbeddingGradientKernel(EmbeddingGradient operation, Node node, Memory memory) : Kernel
{
    private const int Block = 64;

    private readonly int* _ids = (int*)memory[node.Inputs[0]];
    private readonly Cells _dy = new(node.Inputs[1]!, memory);
    private readonly Cells _table = new(node.Outputs[0], memory);

    public override int Tiles(int phase, in Counts counts) => (_dy.Columns + Block - 1) / Block;

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        var last = Math.Min((tile + 1) * Block, _dy.Columns);
        for (var row = 0; row < node.Inputs[1]!.Rows.Of(counts); row++)
        {
            for (var j = tile * Block; j < last; j++)
                _table.PutOne((long)_ids[row] * _dy.Columns + j, operation.Scale * _dy.One((long)row * _dy.Columns + j), true);
        }
    }
}
