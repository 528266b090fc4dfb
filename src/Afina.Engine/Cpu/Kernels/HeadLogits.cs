using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Planning;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The head's product, then the cap of each row.</summary>
internal sealed unsafe class HeadLogitsKernel : Kernel
{
    private readonly HeadLogits _operation;
    private readonly Node _node;
    private readonly float* _logits;
    private readonly int _vocabulary;
    private readonly MatrixProduct _product;

    public HeadLogitsKernel(HeadLogits operation, Node node, Memory memory)
    {
        (_operation, _node, _vocabulary) = (operation, node, node.Outputs[0].Columns);
        var x = node.Inputs[0]!;
        _logits = (float*)memory[node.Outputs[0]];
        var output = new ProductOutput
        {
            Data = _logits,
            Type = node.Outputs[0].Type,
            Stride = _vocabulary,
            Columns = _vocabulary,
            Scale = operation.Options.LogitScale,
            Terms = [new(0, Products.Operand(node.Inputs[1]!, memory).Transposed)],
        };
        _product = new MatrixProduct(new ProductSpec(Products.Mode(x.Type), Math.Max(x.Rows.Of(memory.Capacity), 1), [new(Products.Operand(x, memory), x.Columns)], [output]));
        _product.Bind(memory.SharedScratch, memory.WorkerScratch(0), memory.WorkerStride);
    }

    public override Scratch Scratch => new(_product.SharedBytes, _product.WorkerBytes);

    public override int Phases(in Counts counts) => _product.Phases + (_operation.Options.SoftCap > 0 ? 1 : 0);

    public override int Tiles(int phase, in Counts counts) =>
        phase < _product.Phases ? _product.Tiles(phase, _node.Inputs[0]!.Rows.Of(counts)) : _node.Inputs[0]!.Rows.Of(counts);

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        if (phase < _product.Phases)
            _product.Run(phase, tile, _node.Inputs[0]!.Rows.Of(counts), worker);
        else
            HeadRow.Cap(_logits + (long)tile * _vocabulary, _vocabulary, _operation.Options.SoftCap);
    }
}
