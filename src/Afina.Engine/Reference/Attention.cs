using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="Attention"/>.</summary>
internal static class AttentionReference
{
    public static void Forward(AttentionOptions options, NodeCells cells, in Counts counts)
    {
        var (dim, group) = (options.HeadDim, options.Heads / options.KeyValueHeads);
        var keys = new List<Key>();
        for (var i = 0; i < cells.OutputRows(counts); i++)
        {
            Visible(options, cells, Row(cells, i), counts, keys);
            for (var h = 0; h < options.Heads; h++)
            {
                var kv = h / group * dim;
                var scores = keys.Select(key => Score(options, cells, i, h, key).Score).ToArray();
                var largest = scores.DefaultIfEmpty(0).Max();
                var sum = scores.Sum(score => Math.Exp(score - largest));
                for (var j = 0; j < dim; j++)
                {
                    var o = 0.0;
                    for (var n = 0; n < scores.Length; n++)
                        o += Math.Exp(scores[n] - largest) / sum * Values(cells, keys[n])[keys[n].Row, kv + j];
                    cells.Outputs[0][i, h * dim + j] = o;
                }

                cells.Outputs[1][i, h] = largest + Math.Log(sum);
            }
        }
    }

    public static void Backward(AttentionGradient operation, NodeCells cells, in Counts counts)
    {
        var options = operation.Options;
        var (dim, group) = (options.HeadDim, options.Heads / options.KeyValueHeads);
        var (q, k, v, o, lse, d) = (cells.Inputs[0], cells.Inputs[1], cells.Inputs[2], cells.Inputs[5], cells.Inputs[6], cells.Inputs[7]);
        var (queries, rows) = (cells.InputRows(0, counts), cells.InputRows(1, counts));
        var dq = new double[queries, options.Heads * dim];
        var dk = new double[rows, options.KeyValueHeads * dim];
        var dv = new double[rows, options.KeyValueHeads * dim];
        var keys = new List<Key>();
        for (var i = 0; i < queries; i++)
        {
            Visible(options, cells, Row(cells, i), counts, keys);
            for (var h = 0; h < options.Heads; h++)
            {
                var (qh, kv) = (h * dim, h / group * dim);
                var delta = 0.0;
                for (var j = 0; j < dim; j++)
                    delta += d[i, qh + j] * o[i, qh + j];
                foreach (var key in keys.Where(key => !key.Cached))
                {
                    var (score, slope) = Score(options, cells, i, h, key);
                    var p = Math.Exp(score - lse[i, h]);
                    var dp = 0.0;
                    for (var j = 0; j < dim; j++)
                        dp += d[i, qh + j] * v[key.Row, kv + j];
                    var ds = p * (dp - delta) * slope * options.Scale;
                    for (var j = 0; j < dim; j++)
                    {
                        dq[i, qh + j] += ds * k[key.Row, kv + j];
                        dk[key.Row, kv + j] += ds * q[i, qh + j];
                        dv[key.Row, kv + j] += p * d[i, qh + j];
                    }
                }
            }
        }

        if (operation.Queries)
            Write(dq, cells.Outputs[0], cells.Node.Adds[0]);
        if (operation.Keys)
            Write(dk, cells.Outputs[operation.KeysOutput], cells.Node.Adds[operation.KeysOutput]);
        if (operation.Values)
            Write(dv, cells.Outputs[operation.ValuesOutput], cells.Node.Adds[operation.ValuesOutput]);
    }

    private readonly record struct Key(int Row, bool Cached);

    private static int Row(NodeCells cells, int query) => cells.Inputs[4].Exists ? (int)cells.Inputs[4][query, 0] : query;

    private static Cells Values(NodeCells cells, Key key) => key.Cached ? cells.Inputs[6] : cells.Inputs[2];

    private static (double Score, double Slope) Score(AttentionOptions options, NodeCells cells, int query, int head, Key key)
    {
        var (dim, group) = (options.HeadDim, options.Heads / options.KeyValueHeads);
        var keys = key.Cached ? cells.Inputs[5] : cells.Inputs[1];
        var sum = 0.0;
        for (var j = 0; j < dim; j++)
            sum += cells.Inputs[0][query, head * dim + j] * keys[key.Row, head / group * dim + j];
        sum *= options.Scale;
        if (options.SoftCap <= 0)
            return (sum, 1);
        var tanh = Math.Tanh(sum / options.SoftCap);
        return (options.SoftCap * tanh, 1 - tanh * tanh);
    }

    private static void Visible(AttentionOptions options, NodeCells cells, int row, in Counts counts, List<Key> keys)
    {
        keys.Clear();
        var segments = cells.Inputs[3];
        var own = 0;
        while (own < counts.Segments && !(row >= segments[own, 0] && row < segments[own, 0] + segments[own, 1]))
            own++;
        if (own == counts.Segments)
            return;
        var position = (int)segments[own, 3] + row - (int)segments[own, 0];
        for (var s = own; s >= 0; s = (int)segments[s, 2])
        {
            for (var r = (int)segments[s, 0]; r < segments[s, 0] + segments[s, 1] && (s != own || r <= row); r++)
                Add(r, (int)segments[s, 3] + r - (int)segments[s, 0], false);
            for (var c = 0; c < segments[s, 5]; c++)
                Add((int)segments[s, 4] + c, c, true);
        }

        void Add(int at, int place, bool cached)
        {
            if (options.Window == 0 || position - place < options.Window)
                keys.Add(new Key(at, cached));
        }
    }

    private static void Write(double[,] from, Cells to, bool adds)
    {
        for (var i = 0; i < from.GetLength(0); i++)
        {
            for (var j = 0; j < from.GetLength(1); j++)
                to.Put(i, j, from[i, j], adds);
        }
    }
}
