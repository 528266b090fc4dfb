using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="Sum"/>.</summary>
internal static class SumReference
{
    public static void Forward(NodeCells cells, in Counts counts)
    {
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            for (var j = 0; j < cells.OutputColumns; j++)
            {
                var sum = 0.0;
                foreach (var input in cells.Inputs)
                    sum += input[i, j];
                cells.Outputs[0].Put(i, j, sum, cells.Node.Adds[0]);
            }
        }
    }
}
