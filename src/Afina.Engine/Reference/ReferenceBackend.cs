using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>The oracle: naive scalar loops in double precision, one thread, for every operation.</summary>
public sealed class ReferenceBackend : Backend
{
    /// <inheritdoc/>
    public override string Name => "reference";

    /// <inheritdoc/>
    public override Kernel Prepare(Node node, Memory memory)
    {
        var cells = new NodeCells(node, memory);
        Action<Counts> run = node.Operation switch
        {
            Embedding operation => counts => EmbeddingReference.Forward(operation, cells, counts),
            EmbeddingGradient operation => counts => EmbeddingReference.Backward(operation, cells, counts),
            RmsNorm operation => counts => RmsNormReference.Forward(operation, cells, counts),
            RmsNormGradient operation => counts => RmsNormReference.Backward(operation, cells, counts),
            RmsNormGainGradient operation => counts => RmsNormReference.Gain(operation, cells, counts),
            Linear operation => counts => LinearReference.Forward(operation, cells, counts),
            LinearGradient operation => counts => LinearReference.Backward(operation, cells, counts),
            LowRankGradient operation => counts => LinearReference.LowRank(operation, cells, counts),
            WeightGradient => counts => LinearReference.Weight(cells, counts),
            BiasGradient => counts => LinearReference.Bias(cells, counts),
            Sum => counts => SumReference.Forward(cells, counts),
            Dropout operation => counts => DropoutReference.Forward(operation, cells, counts),
            RotaryTable operation => counts => RotaryReference.Table(operation, cells, counts),
            Rotary operation => counts => RotaryReference.Forward(operation, cells, counts),
            GatedActivation operation => counts => GatedActivationReference.Forward(operation, cells, counts),
            GatedActivationGradient operation => counts => GatedActivationReference.Backward(operation, cells, counts),
            SelectRows => counts => SelectRowsReference.Forward(cells, counts),
            SelectRowsGradient => counts => SelectRowsReference.Backward(cells, counts),
            StoreRows => counts => StoreRowsReference.Forward(cells, counts),
            Attention operation => counts => AttentionReference.Forward(operation.Options, cells, counts),
            AttentionGradient operation => counts => AttentionReference.Backward(operation, cells, counts),
            HeadLogits operation => counts => HeadLogitsReference.Forward(operation, cells, counts),
            HeadLoss operation => counts => HeadLossReference.Forward(operation, cells, counts),
            HeadLossGradient operation => counts => HeadLossGradientReference.Backward(operation, cells, counts),
            AdamW operation => counts => AdamWReference.Step(operation, cells, counts),
            Adafactor operation => counts => AdafactorReference.Step(operation, cells, counts),
            Lion operation => _ => LionReference.Step(operation, cells),
            Sgd operation => counts => SgdReference.Step(operation, cells, counts),
            GradientNorm => counts => GradientNormReference.Forward(cells, counts),
            _ => throw new NotSupportedException($"the reference backend has no {node.Operation.Name}"),
        };
        return new ReferenceKernel(run);
    }

    private sealed class ReferenceKernel(Action<Counts> run) : Kernel
    {
        public override int Tiles(int phase, in Counts counts) => 1;

        public override void Run(int phase, int tile, int worker, in Counts counts) => run(counts);
    }
}

/// <summary>A node with its values as cells.</summary>
internal sealed unsafe class NodeCells
{
    public NodeCells(Node node, Memory memory)
    {
        Node = node;
        Inputs = [.. node.Inputs.Select(input => input is null ? default : new Cells(input, memory[input], memory.IsPlanning))];
        Outputs = [.. node.Outputs.Select(output => new Cells(output, memory[output], memory.IsPlanning))];
    }

    public Node Node { get; }

    public Cells[] Inputs { get; }

    public Cells[] Outputs { get; }

    public int InputRows(int input, in Counts counts) => Node.Inputs[input]!.Rows.Of(counts);

    public int InputColumns(int input) => Node.Inputs[input]!.Columns;

    public int OutputRows(in Counts counts) => Node.Outputs[0].Rows.Of(counts);

    public int OutputColumns => Node.Outputs[0].Columns;
}
