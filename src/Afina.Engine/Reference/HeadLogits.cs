using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="HeadLogits"/>.</summary>
internal static class HeadLogitsReference
{
    public static void Forward(HeadLogits operation, NodeCells cells, in Counts counts)
    {
        var options = operation.Options;
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            for (var n = 0; n < cells.OutputColumns; n++)
            {
                var sum = 0.0;
                for (var j = 0; j < cells.InputColumns(0); j++)
                    sum += cells.Inputs[0][i, j] * cells.Inputs[1][n, j];
                sum *= options.LogitScale;
                cells.Outputs[0][i, n] = options.SoftCap > 0 ? options.SoftCap * Math.Tanh(sum / options.SoftCap) : sum;
            }
        }
    }
}
