using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Turns the linear operations into products: the low-rank terms ride along as further inner panels.</summary>
internal static unsafe class LinearKernels
{
    /// <summary>u = s x Aᵀ, then all y in one product over x (and u).</summary>
    public static Kernel Forward(Linear operation, Node node, Memory memory)
    {
        var x = node.Inputs[0]!;
        var rows = Math.Max(x.Rows.Of(memory.Capacity), 1);
        var mode = Products.Mode(operation.Type);
        var specs = new List<ProductSpec>();
        List<ProductLeft> lefts = [new(Products.Operand(x, memory), x.Columns)];
        List<ProductOutput> low = [], outputs = [];
        var u = operation.TotalRank > 0 ? node.Outputs[^1] : null;
        var firstRank = 0;
        for (var p = 0; p < operation.Projections.Count; p++)
        {
            var (projection, at) = (operation.Projections[p], Linear.FirstInput(p));
            List<ProductTerm> terms = node.Inputs[at] is { } w ? [new(0, Products.Operand(w, memory).Transposed)] : [];
            if (projection.Rank > 0)
            {
                low.Add(new ProductOutput
                {
                    Data = memory[u] + (long)firstRank * u!.Type.Bytes(),
                    Type = u.Type,
                    Stride = u.Columns,
                    Columns = projection.Rank,
                    Scale = projection.Scale,
                    Terms = [new(0, Products.Operand(node.Inputs[at + 2]!, memory).Transposed)],
                });
                terms.Add(new(lefts.Count, Products.Operand(node.Inputs[at + 3]!, memory).Transposed));
                lefts.Add(new(Products.Operand(u, memory, firstRank), projection.Rank));
                firstRank += projection.Rank;
            }

            var y = node.Outputs[p];
            outputs.Add(new ProductOutput
            {
                Data = memory[y],
                Type = y.Type,
                Stride = y.Columns,
                Columns = y.Columns,
                Bias = node.Inputs[at + 1] is { } bias ? Bias(bias, memory) : null,
                Residual = node.Inputs[1] is { } residual ? Products.Operand(residual, memory) : null,
                Terms = terms,
            });
        }

        if (low.Count > 0)
            specs.Add(new ProductSpec(mode, rows, [new(Products.Operand(node.Inputs[2] ?? x, memory), x.Columns)], low));
        specs.Add(new ProductSpec(mode, rows, lefts, outputs));
        return new Products(x.Rows, memory, specs);
    }

    /// <summary>dx = Σ dyᵢ Wᵢ + v A, one product.</summary>
    public static Kernel Backward(LinearGradient operation, Node node, Memory memory)
    {
        var dx = node.Outputs[0];
        List<ProductLeft> lefts = [];
        List<ProductTerm> terms = [];
        var (firstRank, type) = (0, DType.F32);
        for (var p = 0; p < operation.Projections.Count; p++)
        {
            var rank = operation.Projections[p].Rank;
            if (node.Inputs[1 + 3 * p] is { } dy && node.Inputs[2 + 3 * p] is { } w)
            {
                terms.Add(new(lefts.Count, Products.Operand(w, memory)));
                lefts.Add(new(Products.Operand(dy, memory), dy.Columns));
                type = Mode(type, dy);
            }

            if (rank > 0 && node.Inputs[3 + 3 * p] is { } a)
            {
                terms.Add(new(lefts.Count, Products.Operand(a, memory)));
                lefts.Add(new(Products.Operand(node.Inputs[0]!, memory, firstRank), rank));
                type = Mode(type, node.Inputs[0]!);
            }

            firstRank += rank;
        }

        type = Mode(type, dx);
        var output = new ProductOutput { Data = memory[dx], Type = dx.Type, Stride = dx.Columns, Columns = dx.Columns, Beta = node.Adds[0] ? 1 : 0, Terms = terms };
        return new Products(dx.Rows, memory, new ProductSpec(Products.Mode(type), Capacity(dx, memory), lefts, [output]));
    }

    /// <summary>v = s dy B for all projections, then dA and dB, sums over the rows.</summary>
    public static Kernel LowRank(LowRankGradient operation, Node node, Memory memory)
    {
        var (x, u, v) = (node.Inputs[0]!, node.Inputs[1]!, node.Outputs[0]);
        var mode = Products.Mode(operation.Type);
        var rows = Capacity(x, memory);
        List<ProductLeft> lefts = [];
        List<ProductOutput> outputs = [];
        List<ProductSpec> sums = [];
        var (firstRank, output) = (0, 1);
        for (var p = 0; p < operation.Projections.Count; p++)
        {
            var projection = operation.Projections[p];
            if (projection.Rank == 0)
                continue;
            var (da, db) = (node.Outputs[output++], node.Outputs[output++]);
            var dy = node.Inputs[2 + 2 * p] ?? throw new InvalidOperationException($"{node.Scope}: projection {p} has a low-rank term but no gradient reaches it");
            outputs.Add(new ProductOutput
            {
                Data = memory[v] + (long)firstRank * v.Type.Bytes(),
                Type = v.Type,
                Stride = v.Columns,
                Columns = projection.Rank,
                Scale = projection.Scale,
                Terms = [new(lefts.Count, Products.Operand(node.Inputs[3 + 2 * p]!, memory))],
            });
            lefts.Add(new(Products.Operand(dy, memory), dy.Columns));
            sums.Add(SumOverRows(mode, rows, Products.Operand(v, memory, firstRank), projection.Rank, Products.Operand(x, memory), da, memory));
            sums.Add(SumOverRows(mode, rows, Products.Operand(dy, memory), dy.Columns, Products.Operand(u, memory, firstRank), db, memory));
            firstRank += projection.Rank;
        }

        return new Products(x.Rows, memory, [new ProductSpec(mode, rows, lefts, outputs), .. sums]);
    }

    /// <summary>dW += dyᵀ x.</summary>
    public static Kernel Weight(Node node, Memory memory)
    {
        var (x, dy) = (node.Inputs[0]!, node.Inputs[1]!);
        return new Products(x.Rows, memory, SumOverRows(Products.Mode(x.Type), Capacity(x, memory), Products.Operand(dy, memory), dy.Columns, Products.Operand(x, memory), node.Outputs[0], memory));
    }

    /// <summary>db += Σ dy: a tile per stretch of columns.</summary>
    public static Kernel Bias(Node node, Memory memory) => new BiasGradientKernel(node, memory);

    private static ProductSpec SumOverRows(ComputeMode mode, int rows, Operand left, int height, Operand right, Value to, Memory memory) =>
        new(mode, height, [new(left.Transposed, rows)],
            [new ProductOutput { Data = memory[to], Type = to.Type, Stride = to.Columns, Columns = to.Columns, Beta = 1, Terms = [new(0, right)] }],
            CountedDimension.Inner);

    private static int Capacity(Value value, Memory memory) => Math.Max(value.Rows.Of(memory.Capacity), 1);

    private static DType Mode(DType so, Value value) => value.Type == DType.BF16 ? DType.BF16 : so;

    // The widened copy of a frozen bias lives as long as the program: the list keeps it from being collected.
    private static float* Bias(Value bias, Memory memory)
    {
        var floats = new Floats(bias, memory);
        memory.Keep(floats);
        return floats.Pointer;
    }

    private sealed class BiasGradientKernel(Node node, Memory memory) : Kernel
    {
        private const int Block = 64;

        private readonly Cells _dy = new(node.Inputs[0]!, memory);
        private readonly Cells _db = new(node.Outputs[0], memory);

        public override int Tiles(int phase, in Counts counts) => (_dy.Columns + Block - 1) / Block;

        public override void Run(int phase, int tile, int worker, in Counts counts)
        {
            var rows = node.Inputs[0]!.Rows.Of(counts);
            for (var j = tile * Block; j < Math.Min((tile + 1) * Block, _dy.Columns); j++)
            {
                var sum = 0f;
                for (var i = 0; i < rows; i++)
                    sum += _dy.One((long)i * _dy.Columns + j);
                _db.PutOne(j, sum, true);
            }
        }
    }
}
