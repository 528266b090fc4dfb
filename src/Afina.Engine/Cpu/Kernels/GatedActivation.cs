using System.Runtime.Intrinsics;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>h = f(gate) · up.</summary>
internal sealed class GatedActivationKernel(GatedActivation operation, Node node, Memory memory) : RowKernel(node.Outputs[0].Rows, node.Outputs[0].Columns)
{
    private readonly Cells _gate = new(node.Inputs[0]!, memory);
    private readonly Cells _up = new(node.Inputs[1]!, memory);
    private readonly Cells _h = new(node.Outputs[0], memory);

    protected override void Row(int row, in Counts counts)
    {
        var (first, last) = ((long)row * _h.Columns, (row + 1L) * _h.Columns);
        for (; first <= last - 16; first += 16)
            _h.Store(first, Gate.Of(operation.Kind, _gate.Load(first)).Value * _up.Load(first));
        for (; first < last; first++)
            _h.StoreOne(first, Gate.Of(operation.Kind, Vector512.Create(_gate.One(first))).Value[0] * _up.One(first));
    }
}

/// <summary>dgate = dh · up · f′(gate), dup = dh · f(gate).</summary>
internal sealed class GatedActivationGradientKernel(GatedActivationGradient operation, Node node, Memory memory) : RowKernel(node.Outputs[0].Rows, node.Outputs[0].Columns)
{
    private readonly Cells _gate = new(node.Inputs[0]!, memory);
    private readonly Cells _up = new(node.Inputs[1]!, memory);
    private readonly Cells _dh = new(node.Inputs[2]!, memory);
    private readonly Cells _dgate = operation.Gate ? new(node.Outputs[0], memory) : default;
    private readonly Cells _dup = operation.Up ? new(node.Outputs[^1], memory) : default;

    protected override void Row(int row, in Counts counts)
    {
        var (first, last) = ((long)row * _gate.Columns, (row + 1L) * _gate.Columns);
        for (; first <= last - 16; first += 16)
        {
            var (value, slope) = Gate.Of(operation.Kind, _gate.Load(first));
            var dh = _dh.Load(first);
            if (operation.Gate)
                _dgate.Put(first, dh * _up.Load(first) * slope, node.Adds[0]);
            if (operation.Up)
                _dup.Put(first, dh * value, node.Adds[^1]);
        }

        for (; first < last; first++)
        {
            var (value, slope) = Gate.Of(operation.Kind, Vector512.Create(_gate.One(first)));
            if (operation.Gate)
                _dgate.PutOne(first, _dh.One(first) * _up.One(first) * slope[0], node.Adds[0]);
            if (operation.Up)
                _dup.PutOne(first, _dh.One(first) * value[0], node.Adds[^1]);
        }
    }
}

/// <summary>A gate's function and its slope.</summary>
internal static class Gate
{
    public static (Vector512<float> Value, Vector512<float> Slope) Of(ActivationKind kind, Vector512<float> x)
    {
        var one = Vector512<float>.One;
        switch (kind)
        {
            case ActivationKind.Silu:
                var sigmoid = VectorMath.Sigmoid(x);
                return (x * sigmoid, sigmoid * (one + x * (one - sigmoid)));
            case ActivationKind.GeluTanh:
                const float Root = 0.7978845608f;
                var tanh = VectorMath.Tanh(Root * (x + 0.044715f * x * x * x));
                var half = 0.5f * (one + tanh);
                return (x * half, half + 0.5f * x * (one - tanh * tanh) * (Root * (one + 3 * 0.044715f * x * x)));
            default:
                var share = Vector512<float>.Zero;
                for (var i = 0; i < 16; i++)
                    share = share.WithElement(i, (float)(0.5 * (1 + Reference.GatedActivationReference.Erf(x[i] / Math.Sqrt(2)))));
                return (x * share, share + x * VectorMath.Exp(-0.5f * x * x) * 0.39894228f);
        }
    }
}
