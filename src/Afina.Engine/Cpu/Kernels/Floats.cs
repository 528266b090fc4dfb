using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>A small vector that a kernel reads as fp32: a frozen one is widened once, a bound one is read where it lies.</summary>
internal sealed unsafe class Floats
{
    private readonly NativeBuffer? _own;

    public Floats(Value value, Memory memory)
    {
        if (value.Weight is { } weight)
        {
            _own = new NativeBuffer(weight.Count * sizeof(float));
            weight.Decode(0, _own.Span<float>((int)weight.Count));
            Pointer = (float*)_own.Pointer;
        }
        else
        {
            Pointer = (float*)memory[value];
        }
    }

    public float* Pointer { get; }
}
