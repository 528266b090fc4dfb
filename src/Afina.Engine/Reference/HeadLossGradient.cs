using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="HeadLossGradient"/>.</summary>
internal static class HeadLossGradientReference
{
    public static void Backward(HeadLossGradient operation, NodeCells cells, in Counts counts)
    {
        var (rows, vocabulary) = (cells.InputRows(0, counts), cells.Node.Inputs[1]!.Rows.Size);
        var (logits, slopes) = (new double[vocabulary], new double[vocabulary]);
        for (var i = 0; i < rows; i++)
        {
            HeadLossReference.Logits(operation.Options, cells.Inputs[0], cells.Inputs[1], i, cells.InputColumns(0), logits, slopes);
            HeadLossReference.Gradient(operation.Options, cells, cells.InputRows(2, counts), i, cells.Inputs[5][i, 0], logits, slopes, cells.Outputs[0]);
        }
    }
}
