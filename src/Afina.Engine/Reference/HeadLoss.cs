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
            for (var n = 0; n < vocabulary; n++)
            {
                var sum = 0.0;
                for (var j = 0; j < dim; j++)
                    sum += x[i, j] * w[n, j];
                sum *= options.LogitScale;
                var tanh = options.SoftCap > 0 ? Math.Tanh(sum / options.SoftCap) : 0;
                logits[n] = options.SoftCap > 0 ? options.SoftCap * tanh : sum;
                slopes[n] = (options.SoftCap > 0 ? 1 - tanh * tanh : 1) * options.LogitScale;
            }

            var largest = logits.Max();
            var lse = largest + Math.Log(logits.Sum(logit => Math.Exp(logit - largest)));
            cells.Outputs[1][i, 0] = lse;
            cells.Outputs[2][i, 0] = Array.IndexOf(logits, largest);
            cells.Outputs[3][i, 0] = logits.Average();
            cells.Outputs[4][i, 0] = lse - logits.Sum(logit => Math.Exp(logit - lse) * logit);

            var gradient = new double[vocabulary];
            for (var t = 0; t < targets; t++)
            {
                if ((int)cells.Inputs[3][t, 0] != i)
                    continue;
                var token = (int)cells.Inputs[2][t, 0];
                var logp = logits[token] - lse;
                cells.Outputs[0][t, 0] = logp;
                var weight = cells.Inputs[4][t, 0] * (options.Dynamic ? Math.Exp(logp) : 1);
                for (var n = 0; n < vocabulary; n++)
                    gradient[n] += weight * slopes[n] * (Math.Exp(logits[n] - lse) - options.LabelSmoothing / vocabulary - (n == token ? 1 - options.LabelSmoothing : 0));
            }

            for (var j = 0; j < dim && operation.WithGradient; j++)
            {
                var sum = 0.0;
                for (var n = 0; n < vocabulary; n++)
                    sum += gradient[n] * w[n, j];
                cells.Outputs[5][i, j] = sum;
            }
        }
    }
}
