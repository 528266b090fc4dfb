using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>Writes rows to a cache: cache[slot[i]] = x[i]; a negative slot leaves the row out.</summary>
/// <remarks>x [rows, dim], slots [rows, 1] I32 → cache [cached, dim], a bound buffer.</remarks>
public sealed record StoreRows(Value Cache) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs is [{ } x, { Type: DType.I32, Columns: 1 }] && x.Columns == Cache.Columns, scope, inputs);
        return [Cache];
    }

    /// <inheritdoc/>
    public override double Bytes(Node node, in Counts counts, ReadOnlySpan<Segment> segments) => 2.0 * node.Inputs[0]!.Bytes(counts);
}
