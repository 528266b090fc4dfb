using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="GatedActivation"/>.</summary>
internal static class GatedActivationReference
{
    public static void Forward(GatedActivation operation, NodeCells cells, in Counts counts)
    {
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            for (var j = 0; j < cells.OutputColumns; j++)
                cells.Outputs[0][i, j] = Function(operation.Kind, cells.Inputs[0][i, j]).Value * cells.Inputs[1][i, j];
        }
    }

    public static void Backward(GatedActivationGradient operation, NodeCells cells, in Counts counts)
    {
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            for (var j = 0; j < cells.OutputColumns; j++)
            {
                var (value, slope) = Function(operation.Kind, cells.Inputs[0][i, j]);
                var (up, dh) = (cells.Inputs[1][i, j], cells.Inputs[2][i, j]);
                if (operation.Gate)
                    cells.Outputs[0].Put(i, j, dh * up * slope, cells.Node.Adds[0]);
                if (operation.Up)
                    cells.Outputs[^1].Put(i, j, dh * value, cells.Node.Adds[^1]);
            }
        }
    }

    private static (double Value, double Slope) Function(ActivationKind kind, double x)
    {
        switch (kind)
        {
            case ActivationKind.Silu:
                var sigmoid = 1 / (1 + Math.Exp(-x));
                return (x * sigmoid, sigmoid * (1 + x * (1 - sigmoid)));
            case ActivationKind.GeluTanh:
                var factor = Math.Sqrt(2 / Math.PI);
                var tanh = Math.Tanh(factor * (x + 0.044715 * x * x * x));
                return (0.5 * x * (1 + tanh), 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * factor * (1 + 3 * 0.044715 * x * x));
            default:
                var density = Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
                var share = 0.5 * (1 + Erf(x / Math.Sqrt(2)));
                return (x * share, share + x * density);
        }
    }

    /// <summary>The error function by its Taylor series (small x) or continued fraction (large x).</summary>
    internal static double Erf(double x)
    {
        if (Math.Abs(x) > 6)
            return Math.Sign(x);
        if (Math.Abs(x) < 3)
        {
            double sum = x, term = x;
            for (var n = 1; n < 100 && Math.Abs(term) > 1e-18 * Math.Abs(sum); n++)
            {
                term *= -x * x / n;
                sum += term / (2 * n + 1);
            }

            return 2 / Math.Sqrt(Math.PI) * sum;
        }

        var fraction = 0.0;
        for (var n = 60; n > 0; n--)
            fraction = n / 2.0 / (Math.Abs(x) + fraction);
        return Math.Sign(x) * (1 - Math.Exp(-x * x) / Math.Sqrt(Math.PI) / (Math.Abs(x) + fraction));
    }
}
