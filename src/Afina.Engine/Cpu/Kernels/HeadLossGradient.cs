using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The head's chunks once more, with the log-sum-exp known: logits, their gradient in place, dx.</summary>
internal sealed unsafe class HeadLossGradientKernel(HeadLossGradient operation, Node node, Memory memory) : HeadLossKernel(operation.Options, node, node.Outputs[0], memory)
{
    private readonly float* _lse = (float*)memory[node.Inputs[5]];

    protected override void Row(int row, float* logits, Range targets)
    {
        Cap(logits);
        Gradient(logits, _lse[row], 0, targets);
    }
}
