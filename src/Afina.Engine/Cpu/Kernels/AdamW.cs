using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The rule of <see cref="AdamW"/>.</summary>
internal readonly struct AdamWRule : IUpdateRule<AdamW, AdamWRule>
{
    private readonly float _beta1;
    private readonly float _beta2;
    private readonly float _rest1;
    private readonly float _rest2;
    private readonly float _size;
    private readonly float _root;
    private readonly float _keep;
    private readonly float _added;
    private readonly Vector512<float> _epsilon;

    private AdamWRule(AdamW operation, float rate, int step)
    {
        (_beta1, _rest1) = ((float)operation.Beta1, (float)(1 - operation.Beta1));
        (_beta2, _rest2) = ((float)operation.Beta2, (float)(1 - operation.Beta2));
        _size = (float)(rate / (1 - Math.Pow(operation.Beta1, step + 1)));
        _root = (float)Math.Sqrt(1 - Math.Pow(operation.Beta2, step + 1));
        (_keep, _added) = operation.IsDecoupled ? ((float)(1 - rate * operation.WeightDecay), 0f) : (1f, (float)operation.WeightDecay);
        _epsilon = Vector512.Create((float)operation.Epsilon);
    }

    public static AdamWRule For(AdamW operation, float rate, int step) => new(operation, rate, step);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step(ref Vector512<float> value, Vector512<float> gradient, ref Vector512<float> first, ref Vector512<float> second)
    {
        gradient += value * _added;
        first = first * _beta1 + gradient * _rest1;
        second = second * _beta2 + gradient * gradient * _rest2;
        value = value * _keep - _size * (first / (Vector512.Sqrt(second) / _root + _epsilon));
    }
}
