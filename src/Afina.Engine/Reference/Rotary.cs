using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="RotaryTable"/> and <see cref="Rotary"/>.</summary>
internal static class RotaryReference
{
    public static void Table(RotaryTable operation, NodeCells cells, in Counts counts)
    {
        var half = cells.OutputColumns / 2;
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            for (var j = 0; j < half; j++)
            {
                // The angle is rounded to fp32, as in every reference program.
                double angle = (float)((float)cells.Inputs[0][i, 0] * (float)cells.Inputs[1][0, j]);
                cells.Outputs[0][i, j] = operation.Scale * Math.Cos(angle);
                cells.Outputs[0][i, half + j] = operation.Scale * Math.Sin(angle);
            }
        }
    }

    public static void Forward(Rotary operation, NodeCells cells, in Counts counts)
    {
        var (x, table) = (cells.Inputs[0], cells.Inputs[1]);
        var half = cells.InputColumns(1) / 2;
        var adds = cells.Node.Adds[0];
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            for (var first = 0; first < cells.OutputColumns; first += operation.HeadDim)
            {
                for (var j = 0; j < half; j++)
                {
                    var (a, b) = (x[i, first + j], x[i, first + half + j]);
                    var (cos, sin) = (table[i, j], operation.Inverse ? -table[i, half + j] : table[i, half + j]);
                    cells.Outputs[0].Put(i, first + j, a * cos - b * sin, adds);
                    cells.Outputs[0].Put(i, first + half + j, b * cos + a * sin, adds);
                }

                for (var j = 2 * half; j < operation.HeadDim; j++)
                    cells.Outputs[0].Put(i, first + j, x[i, first + j], adds);
            }
        }
    }
}
