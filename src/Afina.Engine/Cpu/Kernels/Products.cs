using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Planning;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Matrix products that run one after the other over the same rows; they share their scratch memory.</summary>
internal sealed unsafe class Products : Kernel
{
    private readonly MatrixProduct[] _products;
    private readonly Dimension _rows;

    public Products(Dimension rows, Memory memory, params IEnumerable<ProductSpec> specs)
    {
        _rows = rows;
        _products = [.. specs.Select(spec => new MatrixProduct(spec))];
        Scratch = new Scratch(_products.Max(product => product.SharedBytes), _products.Max(product => product.WorkerBytes));
        foreach (var product in _products)
            product.Bind(memory.SharedScratch, memory.WorkerScratch(0), memory.WorkerStride);
    }

    public override Scratch Scratch { get; }

    public override int Phases(in Counts counts)
    {
        var phases = 0;
        foreach (var product in _products)
            phases += product.Phases;
        return phases;
    }

    public override int Tiles(int phase, in Counts counts)
    {
        var product = Find(ref phase);
        return product.Tiles(phase, _rows.Of(counts));
    }

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        var product = Find(ref phase);
        product.Run(phase, tile, _rows.Of(counts), worker);
    }

    private MatrixProduct Find(ref int phase)
    {
        foreach (var product in _products)
        {
            if (phase < product.Phases)
                return product;
            phase -= product.Phases;
        }

        throw new ArgumentOutOfRangeException(nameof(phase));
    }

    /// <summary>The precision of products over activations of a type.</summary>
    internal static ComputeMode Mode(DType activations) => activations == DType.BF16 ? ComputeMode.Bf16 : ComputeMode.Fp32;

    /// <summary>A value as an operand: a frozen weight in its own format, or plain memory, possibly from a column on.</summary>
    internal static Operand Operand(Value value, Memory memory, int column = 0) => value.Weight is { } weight
        ? Gemm.Operand.Of(weight)
        : Gemm.Operand.Dense(memory[value] + (long)column * value.Type.Bytes(), value.Type, value.Columns);
}
