using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The rule of <see cref="Sgd"/>.</summary>
internal readonly struct SgdRule(float momentum, float decay, float rate) : IUpdateRule<Sgd, SgdRule>
{
    public static SgdRule For(Sgd operation, float rate, int step) => new((float)operation.Momentum, (float)operation.WeightDecay, rate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step(ref Vector512<float> value, Vector512<float> gradient, ref Vector512<float> first, ref Vector512<float> second)
    {
        first = momentum * first + gradient + decay * value;
        value -= rate * first;
    }
}
