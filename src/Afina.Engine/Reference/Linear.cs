using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="Linear"/>.</summary>
internal static class LinearReference
{
    public static void Forward(Linear operation, NodeCells cells, in Counts counts)
    {
        var (x, residual) = (cells.Inputs[0], cells.Inputs[1]);
        var low = cells.Inputs[2].Exists ? cells.Inputs[2] : x;
        var (rows, depth) = (cells.InputRows(0, counts), cells.InputColumns(0));
        var u = operation.TotalRank > 0 ? cells.Outputs[^1] : default;
        var firstRank = 0;
        for (var p = 0; p < operation.Projections.Count; p++)
        {
            var (projection, at) = (operation.Projections[p], Linear.FirstInput(p));
            var (w, bias, a, b) = (cells.Inputs[at], cells.Inputs[at + 1], cells.Inputs[at + 2], cells.Inputs[at + 3]);
            for (var i = 0; i < rows; i++)
            {
                for (var k = 0; k < projection.Rank; k++)
                {
                    var sum = 0.0;
                    for (var j = 0; j < depth; j++)
                        sum += low[i, j] * a[k, j];
                    u[i, firstRank + k] = projection.Scale * sum;
                }

                for (var o = 0; o < projection.Outputs; o++)
                {
                    var sum = projection.Bias ? bias[0, o] : 0;
                    for (var j = 0; j < depth && w.Exists; j++)
                        sum += x[i, j] * w[o, j];
                    for (var k = 0; k < projection.Rank; k++)
                        sum += u[i, firstRank + k] * b[o, k];
                    cells.Outputs[p][i, o] = sum + (residual.Exists ? residual[i, o] : 0);
                }
            }

            firstRank += projection.Rank;
        }
    }

    public static void Backward(LinearGradient operation, NodeCells cells, in Counts counts)
    {
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            for (var j = 0; j < cells.OutputColumns; j++)
            {
                var sum = 0.0;
                var firstRank = 0;
                for (var p = 0; p < operation.Projections.Count; p++)
                {
                    var projection = operation.Projections[p];
                    var (dy, w, a) = (cells.Inputs[1 + 3 * p], cells.Inputs[2 + 3 * p], cells.Inputs[3 + 3 * p]);
                    for (var o = 0; o < projection.Outputs && dy.Exists && w.Exists; o++)
                        sum += dy[i, o] * w[o, j];
                    for (var k = 0; k < projection.Rank && a.Exists; k++)
                        sum += cells.Inputs[0][i, firstRank + k] * a[k, j];
                    firstRank += projection.Rank;
                }

                cells.Outputs[0].Put(i, j, sum, cells.Node.Adds[0]);
            }
        }
    }

    public static void LowRank(LowRankGradient operation, NodeCells cells, in Counts counts)
    {
        var (x, u, v) = (cells.Inputs[0], cells.Inputs[1], cells.Outputs[0]);
        var (rows, depth) = (cells.InputRows(0, counts), cells.InputColumns(0));
        var (firstRank, output) = (0, 1);
        for (var p = 0; p < operation.Projections.Count; p++)
        {
            var projection = operation.Projections[p];
            var (dy, b) = (cells.Inputs[2 + 2 * p], cells.Inputs[3 + 2 * p]);
            if (projection.Rank == 0)
                continue;
            var (da, db) = (cells.Outputs[output++], cells.Outputs[output++]);
            for (var i = 0; i < rows; i++)
            {
                for (var k = 0; k < projection.Rank; k++)
                {
                    var sum = 0.0;
                    for (var o = 0; o < projection.Outputs && dy.Exists; o++)
                        sum += dy[i, o] * b[o, k];
                    v[i, firstRank + k] = projection.Scale * sum;
                }
            }

            for (var k = 0; k < projection.Rank && dy.Exists; k++)
            {
                for (var j = 0; j < depth; j++)
                    da.Put(k, j, Dot(rows, i => v[i, firstRank + k] * x[i, j]), true);
                for (var o = 0; o < projection.Outputs; o++)
                    db.Put(o, k, Dot(rows, i => dy[i, o] * u[i, firstRank + k]), true);
            }

            firstRank += projection.Rank;
        }
    }

    public static void Weight(NodeCells cells, in Counts counts)
    {
        var (rows, outputs, inputs) = (cells.InputRows(0, counts), cells.InputColumns(1), cells.InputColumns(0));
        for (var o = 0; o < outputs; o++)
        {
            for (var j = 0; j < inputs; j++)
                cells.Outputs[0].Put(o, j, Dot(rows, i => cells.Inputs[1][i, o] * cells.Inputs[0][i, j]), true);
        }
    }

    public static void Bias(NodeCells cells, in Counts counts)
    {
        var rows = cells.InputRows(0, counts);
        for (var o = 0; o < cells.OutputColumns; o++)
            cells.Outputs[0].Put(0, o, Dot(rows, i => cells.Inputs[0][i, o]), true);
    }

    private static double Dot(int rows, Func<int, double> term)
    {
        var sum = 0.0;
        for (var i = 0; i < rows; i++)
            sum += term(i);
        return sum;
    }
}
