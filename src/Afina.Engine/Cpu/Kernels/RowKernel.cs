using Afina.Engine.Execution;
using Afina.Engine.Graphs;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>A kernel whose rows are independent: a tile is a few rows, about as many as fill half of the first cache.</summary>
internal abstract class RowKernel(Dimension rows, int columns) : Kernel
{
    private readonly int _block = Math.Clamp(8192 / Math.Max(columns, 1), 1, 64);

    public override int Tiles(int phase, in Counts counts) => (rows.Of(counts) + _block - 1) / _block;

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        var last = Math.Min((tile + 1) * _block, rows.Of(counts));
        for (var row = tile * _block; row < last; row++)
            Row(row, counts);
    }

    protected abstract void Row(int row, in Counts counts);
}
