using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="StoreRows"/>.</summary>
internal static class StoreRowsReference
{
    public static void Forward(NodeCells cells, in Counts counts)
    {
        for (var i = 0; i < cells.InputRows(0, counts); i++)
        {
            var slot = (int)cells.Inputs[1][i, 0];
            for (var j = 0; j < cells.OutputColumns && slot >= 0; j++)
                cells.Outputs[0][slot, j] = cells.Inputs[0][i, j];
        }
    }
}
