using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="SelectRows"/>.</summary>
internal static class SelectRowsReference
{
    public static void Forward(NodeCells cells, in Counts counts)
    {
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            for (var j = 0; j < cells.OutputColumns; j++)
                cells.Outputs[0][i, j] = cells.Inputs[0][(int)cells.Inputs[1][i, 0], j];
        }
    }

    public static void Backward(NodeCells cells, in Counts counts)
    {
        var adds = cells.Node.Adds[0];
        for (var i = 0; i < cells.OutputRows(counts) && !adds; i++)
        {
            for (var j = 0; j < cells.OutputColumns; j++)
                cells.Outputs[0][i, j] = 0;
        }

        for (var i = 0; i < cells.InputRows(0, counts); i++)
        {
            for (var j = 0; j < cells.OutputColumns; j++)
                cells.Outputs[0].Put((int)cells.Inputs[1][i, 0], j, cells.Inputs[0][i, j], true);
        }
    }
}
