using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="Embedding"/>.</summary>
internal static class EmbeddingReference
{
    public static void Forward(Embedding operation, NodeCells cells, in Counts counts)
    {
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            for (var j = 0; j < cells.OutputColumns; j++)
                cells.Outputs[0][i, j] = operation.Scale * cells.Inputs[1][(int)cells.Inputs[0][i, 0], j];
        }
    }

    public static void Backward(EmbeddingGradient operation, NodeCells cells, in Counts counts)
    {
        for (var i = 0; i < cells.InputRows(0, counts); i++)
        {
            for (var j = 0; j < cells.OutputColumns; j++)
                cells.Outputs[0].Put((int)cells.Inputs[0][i, 0], j, operation.Scale * cells.Inputs[1][i, j], true);
        }
    }
}
