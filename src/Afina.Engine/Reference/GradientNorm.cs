using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="GradientNorm"/>.</summary>
internal static class GradientNormReference
{
    public static void Forward(NodeCells cells, in Counts counts)
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
}
