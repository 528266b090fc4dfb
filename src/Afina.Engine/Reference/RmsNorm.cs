using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="RmsNorm"/>.</summary>
internal static class RmsNormReference
{
    public static void Forward(RmsNorm operation, NodeCells cells, in Counts counts)
    {
        var dim = cells.InputColumns(1);
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            for (var first = 0; first < cells.OutputColumns; first += dim)
            {
                var r = Inverse(cells.Inputs[0], i, first, dim, operation.Epsilon);
                for (var j = 0; j < dim; j++)
                    cells.Outputs[0][i, first + j] = cells.Inputs[0][i, first + j] * r * (cells.Inputs[1][0, j] + operation.GainOffset);
            }
        }
    }

    public static void Backward(RmsNormGradient operation, NodeCells cells, in Counts counts)
    {
        var (x, g, dy) = (cells.Inputs[0], cells.Inputs[1], cells.Inputs[2]);
        var dim = cells.InputColumns(1);
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            for (var first = 0; first < cells.OutputColumns; first += dim)
            {
                var r = Inverse(x, i, first, dim, operation.Epsilon);
                var mean = 0.0;
                for (var j = 0; j < dim; j++)
                    mean += x[i, first + j] * (g[0, j] + operation.GainOffset) * dy[i, first + j] / dim;
                for (var j = 0; j < dim; j++)
                {
                    var dx = r * ((g[0, j] + operation.GainOffset) * dy[i, first + j] - x[i, first + j] * r * r * mean);
                    cells.Outputs[0].Put(i, first + j, dx, cells.Node.Adds[0]);
                }
            }
        }
    }

    public static void Gain(RmsNormGainGradient operation, NodeCells cells, in Counts counts)
    {
        var dim = cells.OutputColumns;
        for (var i = 0; i < cells.InputRows(0, counts); i++)
        {
            for (var first = 0; first < cells.InputColumns(0); first += dim)
            {
                var r = Inverse(cells.Inputs[0], i, first, dim, operation.Epsilon);
                for (var j = 0; j < dim; j++)
                    cells.Outputs[0].Put(0, j, cells.Inputs[1][i, first + j] * cells.Inputs[0][i, first + j] * r, true);
            }
        }
    }

    private static double Inverse(Cells x, int row, int first, int dim, float epsilon)
    {
        var sum = 0.0;
        for (var j = first; j < first + dim; j++)
            sum += x[row, j] * x[row, j];
        return 1 / Math.Sqrt(sum / dim + epsilon);
    }
}
