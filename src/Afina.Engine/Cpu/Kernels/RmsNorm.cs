using System.Runtime.Intrinsics;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Two passes over a group: the sum of squares, then the scaled store.</summary>
internal sealed unsafe class RmsNormKernel(RmsNorm operation, Node node, Memory memory) : RowKernel(node.Outputs[0].Rows, node.Outputs[0].Columns)
{
    private readonly Cells _x = new(node.Inputs[0]!, memory);
    private readonly Floats _g = new(node.Inputs[1]!, memory);
    private readonly int _dim = node.Inputs[1]!.Columns;
    private readonly Cells _y = new(node.Outputs[0], memory);

    protected override void Row(int row, in Counts counts)
    {
        for (var first = (long)row * _x.Columns; first < (row + 1L) * _x.Columns; first += _dim)
        {
            var r = Inverse(_x, first, _dim, operation.Epsilon);
            var j = 0;
            for (; j <= _dim - 16; j += 16)
                _y.Store(first + j, _x.Load(first + j) * r * (Vector512.Load(_g.Pointer + j) + Vector512.Create(operation.GainOffset)));
            for (; j < _dim; j++)
                _y.StoreOne(first + j, _x.One(first + j) * r * (_g.Pointer[j] + operation.GainOffset));
        }
    }

    /// <summary>1 / √(mean(x²) + ε) of a group.</summary>
    internal static float Inverse(Cells x, long first, int dim, float epsilon)
    {
        var sums = Vector512<float>.Zero;
        var j = 0;
        for (; j <= dim - 16; j += 16)
        {
            var value = x.Load(first + j);
            sums = Vector512.FusedMultiplyAdd(value, value, sums);
        }

        var sum = Vector512.Sum(sums);
        for (; j < dim; j++)
            sum += x.One(first + j) * x.One(first + j);
        return 1 / MathF.Sqrt(sum / dim + epsilon);
    }
}

/// <summary>dx = r · (g·dy − x · r² · mean(x · g·dy)), added to the residual's gradient as a rule.</summary>
internal sealed unsafe class RmsNormGradientKernel(RmsNormGradient operation, Node node, Memory memory) : RowKernel(node.Outputs[0].Rows, node.Outputs[0].Columns)
{
    private readonly Cells _x = new(node.Inputs[0]!, memory);
    private readonly Floats _g = new(node.Inputs[1]!, memory);
    private readonly int _dim = node.Inputs[1]!.Columns;
    private readonly Cells _dy = new(node.Inputs[2]!, memory);
    private readonly Cells _dx = new(node.Outputs[0], memory);
    private readonly bool _adds = node.Adds[0];

    protected override void Row(int row, in Counts counts)
    {
        var offset = Vector512.Create(operation.GainOffset);
        for (var first = (long)row * _x.Columns; first < (row + 1L) * _x.Columns; first += _dim)
        {
            var r = RmsNormKernel.Inverse(_x, first, _dim, operation.Epsilon);
            var sums = Vector512<float>.Zero;
            var j = 0;
            for (; j <= _dim - 16; j += 16)
                sums += _x.Load(first + j) * ((Vector512.Load(_g.Pointer + j) + offset) * _dy.Load(first + j));
            var sum = Vector512.Sum(sums);
            for (; j < _dim; j++)
                sum += _x.One(first + j) * (_g.Pointer[j] + operation.GainOffset) * _dy.One(first + j);
            var back = r * r * (sum / _dim);
            for (j = 0; j <= _dim - 16; j += 16)
                _dx.Put(first + j, r * ((Vector512.Load(_g.Pointer + j) + offset) * _dy.Load(first + j) - _x.Load(first + j) * back), _adds);
            for (; j < _dim; j++)
                _dx.PutOne(first + j, r * ((_g.Pointer[j] + operation.GainOffset) * _dy.One(first + j) - _x.One(first + j) * back), _adds);
        }
    }
}

/// <summary>dg += Σ dy · x · r: first r of each group, then a tile per stretch of columns.</summary>
internal sealed unsafe class RmsNormGainGradientKernel(RmsNormGainGradient operation, Node node, Memory memory) : Kernel
{
    private const int Rows = 16;
    private const int Block = 64;

    private readonly Cells _x = new(node.Inputs[0]!, memory);
    private readonly Cells _dy = new(node.Inputs[1]!, memory);
    private readonly int _dim = node.Outputs[0].Columns;
    private readonly Cells _dg = new(node.Outputs[0], memory);
    private readonly float* _r = (float*)memory.SharedScratch;

    public override Planning.Scratch Scratch => new((long)node.Inputs[0]!.Rows.Of(memory.Capacity) * (_x.Columns / _dim) * sizeof(float), 0);

    public override int Phases(in Counts counts) => 2;

    public override int Tiles(int phase, in Counts counts) =>
        phase == 0 ? (node.Inputs[0]!.Rows.Of(counts) + Rows - 1) / Rows : (_dim + Block - 1) / Block;

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        var (rows, groups) = (node.Inputs[0]!.Rows.Of(counts), _x.Columns / _dim);
        if (phase == 0)
        {
            for (var at = tile * Rows * groups; at < Math.Min((tile + 1) * Rows, rows) * groups; at++)
                _r[at] = RmsNormKernel.Inverse(_x, (long)at * _dim, _dim, operation.Epsilon);
            return;
        }

        for (var j = tile * Block; j < Math.Min((tile + 1) * Block, _dim); j++)
        {
            var sum = 0f;
            for (var at = 0; at < rows * groups; at++)
                sum += _dy.One((long)at * _dim + j) * _x.One((long)at * _dim + j) * _r[at];
            _dg.PutOne(j, sum, true);
        }
    }
}
