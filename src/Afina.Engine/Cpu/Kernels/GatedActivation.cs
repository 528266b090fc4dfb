using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The kernels of a gate's function: it is a type, so that it is compiled into their loops.</summary>
internal static class GatedActivations
{
    public static Kernel Forward(GatedActivation operation, Node node, Memory memory) => operation.Kind switch
    {
        ActivationKind.Silu => new GatedActivationKernel<SiluGate>(node, memory),
        ActivationKind.GeluTanh => new GatedActivationKernel<GeluTanhGate>(node, memory),
        _ => new GatedActivationKernel<GeluGate>(node, memory),
    };

    public static Kernel Backward(GatedActivationGradient operation, Node node, Memory memory) => operation.Kind switch
    {
        ActivationKind.Silu => new GatedActivationGradientKernel<SiluGate>(operation, node, memory),
        ActivationKind.GeluTanh => new GatedActivationGradientKernel<GeluTanhGate>(operation, node, memory),
        _ => new GatedActivationGradientKernel<GeluGate>(operation, node, memory),
    };
}

/// <summary>h = f(gate) · up.</summary>
internal sealed class GatedActivationKernel<TGate>(Node node, Memory memory) : RowKernel(node.Outputs[0].Rows, node.Outputs[0].Columns)
    where TGate : struct, IGate
{
    private readonly Cells _gate = new(node.Inputs[0]!, memory);
    private readonly Cells _up = new(node.Inputs[1]!, memory);
    private readonly Cells _h = new(node.Outputs[0], memory);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Row(int row, in Counts counts)
    {
        var (gate, up, h) = (_gate, _up, _h);
        var (first, last) = ((long)row * h.Columns, (row + 1L) * h.Columns);
        for (; first <= last - 16; first += 16)
            h.Store(first, TGate.Of(gate.Load(first), out _) * up.Load(first));
        for (; first < last; first++)
            h.StoreOne(first, TGate.Of(Vector512.Create(gate.One(first)), out _)[0] * up.One(first));
    }
}

/// <summary>dgate = dh · up · f′(gate), dup = dh · f(gate).</summary>
internal sealed class GatedActivationGradientKernel<TGate>(GatedActivationGradient operation, Node node, Memory memory) : RowKernel(node.Outputs[0].Rows, node.Outputs[0].Columns)
    where TGate : struct, IGate
{
    private readonly Cells _gate = new(node.Inputs[0]!, memory);
    private readonly Cells _up = new(node.Inputs[1]!, memory);
    private readonly Cells _dh = new(node.Inputs[2]!, memory);
    private readonly Cells _dgate = operation.Gate ? new(node.Outputs[0], memory) : default;
    private readonly Cells _dup = operation.Up ? new(node.Outputs[^1], memory) : default;
    private readonly bool _addsGate = node.Adds[0];
    private readonly bool _addsUp = node.Adds[^1];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Row(int row, in Counts counts)
    {
        var (gate, up, dh, dgate, dup) = (_gate, _up, _dh, _dgate, _dup);
        var (first, last) = ((long)row * gate.Columns, (row + 1L) * gate.Columns);
        for (; first <= last - 16; first += 16)
        {
            var value = TGate.Of(gate.Load(first), out var slope);
            var given = dh.Load(first);
            if (dgate.Exists)
                dgate.Put(first, given * up.Load(first) * slope, _addsGate);
            if (dup.Exists)
                dup.Put(first, given * value, _addsUp);
        }

        for (; first < last; first++)
        {
            var value = TGate.Of(Vector512.Create(gate.One(first)), out var slope);
            if (dgate.Exists)
                dgate.PutOne(first, dh.One(first) * up.One(first) * slope[0], _addsGate);
            if (dup.Exists)
                dup.PutOne(first, dh.One(first) * value[0], _addsUp);
        }
    }
}

/// <summary>A gate's function and its slope.</summary>
internal interface IGate
{
    static abstract Vector512<float> Of(Vector512<float> x, out Vector512<float> slope);
}

/// <summary>x · σ(x).</summary>
internal readonly struct SiluGate : IGate
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x, out Vector512<float> slope)
    {
        var sigmoid = VectorMath.Sigmoid(x);
        slope = sigmoid * (Vector512<float>.One + x * (Vector512<float>.One - sigmoid));
        return x * sigmoid;
    }
}

/// <summary>½ x (1 + tanh(√(2/π) (x + 0.044715 x³))).</summary>
internal readonly struct GeluTanhGate : IGate
{
    private const float Root = 0.7978845608f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x, out Vector512<float> slope)
    {
        var tanh = VectorMath.Tanh(Root * (x + 0.044715f * x * x * x));
        var half = 0.5f * (Vector512<float>.One + tanh);
        slope = half + 0.5f * x * (Vector512<float>.One - tanh * tanh) * (Root * (Vector512<float>.One + 3 * 0.044715f * x * x));
        return x * half;
    }
}

/// <summary>x · Φ(x), by the error function of each element.</summary>
internal readonly struct GeluGate : IGate
{
    public static Vector512<float> Of(Vector512<float> x, out Vector512<float> slope)
    {
        var share = Vector512<float>.Zero;
        for (var i = 0; i < 16; i++)
            share = share.WithElement(i, (float)(0.5 * (1 + Reference.GatedActivationReference.Erf(x[i] / Math.Sqrt(2)))));
        slope = share + x * VectorMath.Exp(-0.5f * x * x) * 0.39894228f;
        return x * share;
    }
}
