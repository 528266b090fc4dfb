using Afina.Engine.Execution;
using Afina.Engine.Graphs;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The norm of all gradients: double sums of 4,096 elements each, added in their order.</summary>
internal sealed unsafe class GradientNormKernel : Kernel
{
    private const int Block = 4096;

    private readonly (nint Data, long Start, int Count)[] _pieces;
    private readonly double* _sums;
    private readonly float* _norm;

    public GradientNormKernel(Node node, Memory memory)
    {
        var pieces = new List<(nint, long, int)>();
        foreach (var input in node.Inputs)
        {
            var count = (long)input!.Rows.Size * input.Columns;
            for (long start = 0; start < count; start += Block)
                pieces.Add(((nint)memory[input], start, (int)Math.Min(Block, count - start)));
        }

        _pieces = [.. pieces];
        _sums = (double*)memory.SharedScratch;
        _norm = (float*)memory[node.Outputs[0]];
    }

    public override Planning.Scratch Scratch => new(_pieces.Length * (long)sizeof(double), 0);

    public override int Phases(in Counts counts) => 2;

    public override int Tiles(int phase, in Counts counts) => phase == 0 ? _pieces.Length : 1;

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        if (phase == 0)
        {
            var (data, start, count) = _pieces[tile];
            var gradient = (float*)data + start;
            var sum = 0.0;
            for (var i = 0; i < count; i++)
                sum += (double)gradient[i] * gradient[i];
            _sums[tile] = sum;
            return;
        }

        var total = 0.0;
        for (var i = 0; i < _pieces.Length; i++)
            total += _sums[i];
        *_norm = (float)Math.Sqrt(total);
    }
}
