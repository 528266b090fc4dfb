using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>The options of an attention.</summary>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyValueHeads">Key and value heads; each serves Heads / KeyValueHeads query heads in a row.</param>
/// <param name="HeadDim">Elements of a head.</param>
/// <param name="Scale">Factor of the scores, usually 1 / √HeadDim.</param>
/// <param name="Window">A key is seen while its position is less than this behind the query's; 0: always.</param>
/// <param name="SoftCap">c in score ← c · tanh(score / c); 0: none.</param>
public sealed record AttentionOptions(int Heads, int KeyValueHeads, int HeadDim, float Scale, int Window = 0, float SoftCap = 0)
{
    /// <summary>Operations of some products over all pairs of a query and a key that it sees; where only chosen rows ask, their share of the pairs.</summary>
    internal double PairFlops(int products, Value queries, in Counts counts, ReadOnlySpan<Segment> segments)
    {
        var pairs = 0.0;
        foreach (var segment in segments)
        {
            // Row r sees FirstPosition + r + 1 keys, or the window.
            var full = Window > 0 ? Math.Clamp(Window - segment.FirstPosition - 1, 0, segment.Length) : segment.Length;
            pairs += full * (segment.FirstPosition + (full + 1) / 2.0) + (double)(segment.Length - full) * Window;
        }

        return 2.0 * products * pairs * HeadDim * Heads * queries.Rows.Of(counts) / Math.Max(counts.Rows, 1);
    }
}

/// <summary>Causal softmax attention of each query over its segment's earlier rows, its ancestors' rows and its cached rows.</summary>
/// <remarks>
/// q [rows or labelled, heads · dim], k, v [rows, kvHeads · dim], segments [segments, 6] I32 (see <see cref="Segment"/>), the numbers of
/// the query rows [labelled, 1] I32 or null (all), cached keys and values [cached, kvHeads · dim] or null
/// → o like q, log-sum-exp of the scores [query rows, heads] F32 (saved).
/// p = exp(score − lse); δ = Σ do · o; dscore = p · (do · v − δ); dq = scale Σ dscore k; dk = scale Σ dscore q; dv = Σ p do.
/// The cache gets no gradient.
/// </remarks>
public sealed record Attention(AttentionOptions Options) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs is [{ } q, { } k, { } v, { Type: DType.I32, Columns: Segment.Fields }, _, _, _]
            && q.Columns == Options.Heads * Options.HeadDim && k.Columns == Options.KeyValueHeads * Options.HeadDim && v.Columns == k.Columns
            && Options.Heads % Options.KeyValueHeads == 0, scope, inputs);
        var queries = inputs[0]!;
        return
        [
            new Value(scope + ".o", queries.Type, queries.Rows, queries.Columns),
            new Value(scope + ".lse", queries.Type == DType.F64 ? DType.F64 : DType.F32, queries.Rows, Options.Heads),
        ];
    }

    /// <inheritdoc/>
    public override bool IsRowInput(int input) => input == 0;

    /// <inheritdoc/>
    public override double Flops(Node node, in Counts counts, ReadOnlySpan<Segment> segments) => Options.PairFlops(2, node.Inputs[0]!, counts, segments);

    /// <inheritdoc/>
    public override double Bytes(Node node, in Counts counts, ReadOnlySpan<Segment> segments)
    {
        var (bytes, cached) = (node.Outputs[0].Bytes(counts) + node.Outputs[1].Bytes(counts), 0L);
        for (var i = 0; i < 3; i++)
            bytes += node.Inputs[i]!.Bytes(counts);
        foreach (var segment in segments)
            cached += segment.CacheLength;
        return bytes + (node.Inputs[5] is { } keys ? 2.0 * cached * keys.Columns * keys.Type.Bytes() : 0);
    }

    /// <inheritdoc/>
    public override (Operation Operation, Value?[] Inputs) ForRows(Value?[] inputs, Value rows)
    {
        Value?[] chosen = [.. inputs];
        chosen[4] = rows;
        return (this, chosen);
    }

    /// <inheritdoc/>
    public override void Backward(GradientBuilder gradient, Node node)
    {
        var (q, k, v) = (node.Inputs[0]!, node.Inputs[1]!, node.Inputs[2]!);
        gradient.Emit(new AttentionGradient(Options, gradient.Needs(q), gradient.Needs(k), gradient.Needs(v)),
            [q, k, v, node.Inputs[3], node.Inputs[4], node.Outputs[0], node.Outputs[1], gradient.Of(node.Outputs[0])],
            [.. new[] { q, k, v }.Where(gradient.Needs).Select(gradient.Into)]);
    }
}

/// <summary>The backward of <see cref="Attention"/>.</summary>
/// <remarks>q, k, v, segments, query rows or null, o, lse, do → those of dq, dk and dv that are asked for.</remarks>
/// <param name="Options">Those of the forward.</param>
/// <param name="Queries">Whether dq is asked for.</param>
/// <param name="Keys">Whether dk is asked for.</param>
/// <param name="Values">Whether dv is asked for.</param>
public sealed record AttentionGradient(AttentionOptions Options, bool Queries = true, bool Keys = true, bool Values = true) : Operation
{
    /// <summary>The place of dk among the outputs.</summary>
    internal int KeysOutput => Queries ? 1 : 0;

    /// <summary>The place of dv among the outputs.</summary>
    internal int ValuesOutput => KeysOutput + (Keys ? 1 : 0);

    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs) => throw new InvalidOperationException("emitted by Attention only");

    /// <inheritdoc/>
    public override double Flops(Node node, in Counts counts, ReadOnlySpan<Segment> segments) => Options.PairFlops(5, node.Inputs[0]!, counts, segments);
}

/// <summary>Rows of a batch that belong together: they see each other causally, the rows of their ancestors and some cached rows.</summary>
/// <param name="Start">The first row.</param>
/// <param name="Length">Rows.</param>
/// <param name="Parent">The segment whose rows (and ancestors) come before, or −1. A parent comes earlier in the list.</param>
/// <param name="FirstPosition">The position of the first row: 0, or where the parent or the cache ends.</param>
/// <param name="CacheStart">The first cached row that is seen.</param>
/// <param name="CacheLength">Cached rows that are seen, at positions 0, 1 ...</param>
public readonly record struct Segment(int Start, int Length, int Parent = -1, int FirstPosition = 0, int CacheStart = 0, int CacheLength = 0)
{
    /// <summary>Integers of one segment in a bound buffer.</summary>
    public const int Fields = 6;
}

/// <summary>A token that a row has to predict, and how much it counts.</summary>
/// <param name="Row">The row whose logits predict the token.</param>
/// <param name="Token">The token.</param>
/// <param name="Weight">The factor of −log p in the loss.</param>
public readonly record struct Target(int Row, int Token, float Weight);
