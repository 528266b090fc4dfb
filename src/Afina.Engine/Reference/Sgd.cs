using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="Sgd"/>.</summary>
internal static class SgdReference
{
    public static void Step(Sgd operation, NodeCells cells, in Counts counts)
    {
        var (gradient, momentum) = (cells.Inputs[0], cells.Inputs[1]);
        var (norm, rate) = (cells.Inputs[2][0, 0], cells.Inputs[3][0, 0]);
        if (!double.IsFinite(norm))
            return;
        var factor = operation.Clip > 0 ? Math.Min(1, operation.Clip / (norm + 1e-6)) : 1;
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            for (var j = 0; j < cells.OutputColumns; j++)
            {
                var value = cells.Outputs[0][i, j];
                var m = operation.Momentum * momentum[i, j] + gradient[i, j] * factor + operation.WeightDecay * value;
                cells.Outputs[0][i, j] = value - rate * m;
                momentum[i, j] = m;
                gradient[i, j] = 0;
            }
        }
    }
}
