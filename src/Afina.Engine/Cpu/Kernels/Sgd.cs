using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The rule of <see cref="Sgd"/>.</summary>
internal readonly struct SgdRule(float momentum, float share, float decay, float rate, bool isNesterov) : IUpdateRule<Sgd, SgdRule>
{
    public static SgdRule For(Sgd operation, float rate, int step) =>
        new((float)operation.Momentum, step == 0 || operation.Momentum == 0 ? 1 : (float)(1 - operation.Dampening), (float)operation.WeightDecay, rate, operation.IsNesterov);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step(ref Vector512<float> value, Vector512<float> gradient, ref Vector512<float> first, ref Vector512<float> second)
    {
        gradient += decay * value;
        first = momentum * first + share * gradient;
        value -= rate * (isNesterov ? gradient + momentum * first : first);
    }
}
