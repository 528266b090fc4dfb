using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="HeadLoss"/>.</summary>
internal static class HeadLossReference
{
    public static void Forward(HeadLoss operation, NodeCells cells, in Counts counts)
    {
        var options = operation.Options;
        var (x, w) = (cells.Inputs[0], cells.Inputs[1]);
        var (rows, dim, vocabulary) = (cells.InputRows(0, counts), cells.InputColumns(0), cells.Node.Inputs[1]!.Rows.Size);
        var targets = cells.InputRows(2, counts);
        var (logits, slopes) = (new double[vocabulary], new double[vocabulary]);
        for (var i = 0; i < rows; i++)
        {
            Logits(options, x, w, i, dim, logits, slopes);
            var largest = logits.Max();
            var lse = largest + Math.Log(logits.Sum(logit => Math.Exp(logit - largest)));
            cells.Outputs[1][i, 0] = lse;
            cells.Outputs[2][i, 0] = Array.IndexOf(logits, largest);
            cells.Outputs[3][i, 0] = logits.Average();
            cells.Outputs[4][i, 0] = lse - logits.Sum(logit => Math.Exp(logit - lse) * logit);

            for (var t = 0; t < targets; t++)
            {
                if ((int)cells.Inputs[3][t, 0] == i)
                    cells.Outputs[0][t, 0] = logits[(int)cells.Inputs[2][t, 0]] - lse;
            }

            if (operation.WithGradient)
                Gradient(options, cells, targets, i, lse, logits, slopes, cells.Outputs[5]);
        }
    }

    /// <summary>The logits of row <paramref name="i"/>, and their derivatives by the product.</summary>
    public static void Logits(LossOptions options, Cells x, Cells w, int i, int dim, double[] logits, double[] slopes)
    {
        for (var n = 0; n < logits.Length; n++)
        {
            var sum = 0.0;
            for (var j = 0; j < dim; j++)
                sum += x[i, j] * w[n, j];
            sum *= options.LogitScale;
            var tanh = options.SoftCap > 0 ? Math.Tanh(sum / options.SoftCap) : 0;
            logits[n] = options.SoftCap > 0 ? options.SoftCap * tanh : sum;
            slopes[n] = (options.SoftCap > 0 ? 1 - tanh * tanh : 1) * options.LogitScale;
        }
    }

    /// <summary>dx of row <paramref name="i"/>.</summary>
    public static void Gradient(LossOptions options, NodeCells cells, int targets, int i, double lse, double[] logits, double[] slopes, Cells dx)
    {
        var (vocabulary, w) = (logits.Length, cells.Inputs[1]);
        var gradient = new double[vocabulary];
        for (var t = 0; t < targets; t++)
        {
            if ((int)cells.Inputs[3][t, 0] != i)
                continue;
            var token = (int)cells.Inputs[2][t, 0];
            var weight = cells.Inputs[4][t, 0] * (options.Dynamic ? Math.Exp(logits[token] - lse) : 1);
            for (var n = 0; n < vocabulary; n++)
                gradient[n] += weight * slopes[n] * (Math.Exp(logits[n] - lse) - options.LabelSmoothing / vocabulary - (n == token ? 1 - options.LabelSmoothing : 0));
        }

        for (var j = 0; j < cells.InputColumns(0); j++)
        {
            var sum = 0.0;
            for (var n = 0; n < vocabulary; n++)
                sum += gradient[n] * w[n, j];
            dx[i, j] = sum;
        }
    }
}
