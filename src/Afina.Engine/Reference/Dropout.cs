using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="Dropout"/>.</summary>
internal static class DropoutReference
{
    public static void Forward(Dropout operation, NodeCells cells, in Counts counts)
    {
        var key = CounterRandom.Key(counts, operation.Module);
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            var row = cells.Inputs.Length > 1 ? (int)cells.Inputs[1][i, 0] : i;
            for (var j = 0; j < cells.OutputColumns; j++)
            {
                var kept = CounterRandom.Keeps(key, row, j, operation.Probability);
                cells.Outputs[0].Put(i, j, kept ? cells.Inputs[0][i, j] / (1 - operation.Probability) : 0, cells.Node.Adds[0]);
            }
        }
    }
}
