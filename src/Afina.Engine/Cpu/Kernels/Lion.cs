using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The rule of <see cref="Lion"/>.</summary>
internal readonly struct LionRule : IUpdateRule<Lion, LionRule>
{
    private readonly float _beta1;
    private readonly float _beta2;
    private readonly float _rest1;
    private readonly float _rest2;
    private readonly float _keep;
    private readonly Vector512<float> _rate;

    private LionRule(Lion operation, float rate)
    {
        (_beta1, _rest1) = ((float)operation.Beta1, (float)(1 - operation.Beta1));
        (_beta2, _rest2) = ((float)operation.Beta2, (float)(1 - operation.Beta2));
        _keep = (float)(1 - rate * operation.WeightDecay);
        _rate = Vector512.Create(rate);
    }

    public static LionRule For(Lion operation, float rate, int step) => new(operation, rate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step(ref Vector512<float> value, Vector512<float> gradient, ref Vector512<float> first, ref Vector512<float> second)
    {
        var direction = first * _beta1 + gradient * _rest1;
        first = first * _beta2 + gradient * _rest2;
        value = value * _keep - (Vector512.GreaterThan(direction, Vector512<float>.Zero) & _rate) + (Vector512.LessThan(direction, Vector512<float>.Zero) & _rate);
    }
}
