using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="AdamW"/> and <see cref="GradientNorm"/>.</summary>
internal static class AdamWReference
{
    public static void Norm(NodeCells cells, in Counts counts)
    {
        var sum = 0.0;
        for (var n = 0; n < cells.Inputs.Length; n++)
        {
            for (var i = 0; i < cells.InputRows(n, counts); i++)
            {
                for (var j = 0; j < cells.InputColumns(n); j++)
                    sum += cells.Inputs[n][i, j] * cells.Inputs[n][i, j];
            }
        }

        cells.Outputs[0][0, 0] = Math.Sqrt(sum);
    }

    public static void Step(AdamW operation, NodeCells cells, in Counts counts)
    {
        var (gradient, first, second) = (cells.Inputs[0], cells.Inputs[1], cells.Inputs[2]);
        var (norm, rate) = (cells.Inputs[3][0, 0], cells.Inputs[4][0, 0]);
        if (!double.IsFinite(norm))
            return;
        var factor = operation.Clip > 0 ? Math.Min(1, operation.Clip / (norm + 1e-6)) : 1;
        var correction1 = 1 - Math.Pow(operation.Beta1, counts.Step + 1);
        var correction2 = 1 - Math.Pow(operation.Beta2, counts.Step + 1);
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            for (var j = 0; j < cells.OutputColumns; j++)
            {
                var g = gradient[i, j] * factor;
                var m = first[i, j] * operation.Beta1 + (1 - operation.Beta1) * g;
                var v = second[i, j] * operation.Beta2 + (1 - operation.Beta2) * g * g;
                var value = cells.Outputs[0][i, j] * (1 - rate * operation.WeightDecay);
                cells.Outputs[0][i, j] = value - rate / correction1 * m / (Math.Sqrt(v) / Math.Sqrt(correction2) + operation.Epsilon);
                first[i, j] = m;
                second[i, j] = v;
                gradient[i, j] = 0;
            }
        }
    }
}
