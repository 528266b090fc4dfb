using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="Adafactor"/>.</summary>
internal static class AdafactorReference
{
    public static void Step(Adafactor operation, NodeCells cells, in Counts counts)
    {
        var (value, gradient) = (cells.Outputs[0], cells.Inputs[0]);
        var (rows, columns) = (operation.Parameter.Value.Rows.Size, operation.Parameter.Value.Columns);
        var norm = cells.Inputs[1][0, 0];
        if (!double.IsFinite(norm) || rows == 0)
            return;
        var factor = operation.Clip > 0 ? Math.Min(1, operation.Clip / (norm + 1e-6)) : 1;
        var keep = 1 - Math.Pow(counts.Step + 1, operation.DecayRate);
        var update = new double[rows, columns];
        var size = 0.0;
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                update[i, j] = gradient[i, j] * factor;
                size += value[i, j] * value[i, j];
            }
        }

        var means = Means(operation, cells, keep, update);
        var square = 0.0;
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                update[i, j] /= Math.Sqrt(means[i, j]);
                square += update[i, j] * update[i, j];
            }
        }

        var rate = operation.RateOf(cells.Inputs[2][0, 0], counts.Step, Math.Sqrt(size / (rows * (double)columns)));
        var most = Math.Max(1, Math.Sqrt(square / (rows * (double)columns)) / operation.Threshold);
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                value[i, j] = value[i, j] * (1 - rate * operation.WeightDecay) - rate * update[i, j] / most;
                gradient[i, j] = 0;
            }
        }
    }

    private static double[,] Means(Adafactor operation, NodeCells cells, double keep, double[,] g)
    {
        var (rows, columns) = (g.GetLength(0), g.GetLength(1));
        var means = new double[rows, columns];
        var (first, second) = (cells.Inputs[3], operation.IsFactored ? cells.Inputs[4] : default);
        double Square(int i, int j) => g[i, j] * g[i, j] + 1e-30;
        if (!operation.IsFactored)
        {
            for (var j = 0; j < columns; j++)
                means[0, j] = first[0, j] = keep * first[0, j] + (1 - keep) * Square(0, j);
            return means;
        }

        for (var i = 0; i < rows; i++)
            first[i, 0] = keep * first[i, 0] + (1 - keep) * Enumerable.Range(0, columns).Average(j => Square(i, j));
        for (var j = 0; j < columns; j++)
            second[0, j] = keep * second[0, j] + (1 - keep) * Enumerable.Range(0, rows).Average(i => Square(i, j));
        var mean = Enumerable.Range(0, rows).Average(i => first[i, 0]);
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
                means[i, j] = first[i, 0] / mean * second[0, j];
        }

        return means;
    }
}
