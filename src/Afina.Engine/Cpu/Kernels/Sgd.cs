using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>One pass over parameter, momentum and gradient; a tile is 4,096 elements.</summary>
internal sealed unsafe class SgdKernel(Sgd operation, Node node, Memory memory) : Kernel
{
    private const int Block = 4096;

    private readonly float* _parameter = (float*)memory[node.Outputs[0]];
    private readonly float* _gradient = (float*)memory[node.Inputs[0]];
    private readonly float* _momentum = (float*)memory[node.Inputs[1]];
    private readonly float* _norm = (float*)memory[node.Inputs[2]];
    private readonly float* _rate = (float*)memory[node.Inputs[3]];
    private readonly long _count = operation.Parameter.Count;

    public override int Tiles(int phase, in Counts counts) => (int)((_count + Block - 1) / Block);

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        if (!float.IsFinite(*_norm))
            return;
        var factor = operation.Clip > 0 ? (float)Math.Min(1, operation.Clip / (*_norm + 1e-6)) : 1;
        var (keep, decay, rate) = ((float)operation.Momentum, (float)operation.WeightDecay, *_rate);
        for (var at = (long)tile * Block; at < Math.Min((tile + 1L) * Block, _count); at++)
        {
            var m = keep * _momentum[at] + _gradient[at] * factor + decay * _parameter[at];
            _parameter[at] -= rate * m;
            _momentum[at] = m;
            _gradient[at] = 0;
        }
    }
}
