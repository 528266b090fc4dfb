using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>One weight of a <see cref="Linear"/> operation.</summary>
/// <param name="Outputs">Rows of the weight.</param>
/// <param name="Bias">Whether it has a bias.</param>
/// <param name="Rank">The rank of its low-rank term; 0 without one.</param>
/// <param name="Scale">The scale s of its low-rank term.</param>
public readonly record struct Projection(int Outputs, bool Bias = false, int Rank = 0, float Scale = 1);

/// <summary>Weights that share an input, each with its low-rank term: u = s x Aᵀ, yᵢ = x Wᵢᵀ + uᵢ Bᵢᵀ + biasᵢ (+ residual).</summary>
/// <remarks>
/// Inputs: x [rows, in]; residual [rows, out] (one projection only) or null; x with dropout, for the low-rank terms, or null; then for each
/// projection W [out, in] (null: the low-rank term alone), bias [1, out] or null, A [rank, in] or null, B [out, rank] or null.
/// Outputs: yᵢ [rows, outᵢ], and u [rows, Σ rank] where there is a low-rank term (saved for dB).
/// Backward: v = s dy B; dA += vᵀ x; dBᵢ += dyᵢᵀ uᵢ; dbias += Σ dy; dx = Σ dyᵢ Wᵢ + v A; dresidual = dy (the same buffer).
/// A trained W gets dW += dyᵀ x.
/// </remarks>
/// <param name="Projections">The weights.</param>
/// <param name="Type">The type of y and u.</param>
public sealed record Linear(ValueList<Projection> Projections, DType Type) : Operation
{
    /// <summary>Where the inputs of projection <paramref name="index"/> begin: W, bias, A, B.</summary>
    public static int FirstInput(int index) => 3 + 4 * index;

    /// <summary>The sum of the ranks.</summary>
    public int TotalRank => Projections.Sum(projection => projection.Rank);

    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs.Length == FirstInput(Projections.Count) && inputs[0] is not null, scope, inputs);
        var x = inputs[0]!;
        var outputs = new List<Value>();
        for (var i = 0; i < Projections.Count; i++)
        {
            var (projection, at) = (Projections[i], FirstInput(i));
            Require(inputs[at] is { } w ? w.Rows == projection.Outputs && w.Columns == x.Columns : projection.Rank > 0, scope, inputs);
            Require(projection.Bias == inputs[at + 1] is { } bias && (inputs[at + 1] is null || inputs[at + 1]!.Columns == projection.Outputs), scope, inputs);
            Require((projection.Rank > 0) == inputs[at + 2] is not null && (projection.Rank > 0) == inputs[at + 3] is not null, scope, inputs);
            Require(inputs[at + 2] is not { } a || (a.Rows == projection.Rank && a.Columns == x.Columns), scope, inputs);
            Require(inputs[at + 3] is not { } b || (b.Rows == projection.Outputs && b.Columns == projection.Rank), scope, inputs);
            outputs.Add(new Value($"{scope}.{NameOf(inputs[at] ?? inputs[at + 3]!)}", Type, x.Rows, projection.Outputs) { GradientType = inputs[1]?.GradientType ?? Type });
        }

        Require(inputs[1] is not { } residual || (Projections.Count == 1 && residual.Columns == Projections[0].Outputs && residual.Rows == x.Rows), scope, inputs);
        Require(inputs[2] is not { } dropped || (dropped.Columns == x.Columns && dropped.Rows == x.Rows), scope, inputs);
        if (TotalRank > 0)
            outputs.Add(new Value(scope + ".u", Type, x.Rows, TotalRank));
        return [.. outputs];
    }

    /// <inheritdoc/>
    public override bool IsRowInput(int input) => input < 3;

    /// <inheritdoc/>
    public override bool DependsOn(int output, int input) => input < 3 || output >= Projections.Count || (input - FirstInput(0)) / (FirstInput(1) - FirstInput(0)) == output;

    /// <inheritdoc/>
    public override double Flops(Node node, in Counts counts, ReadOnlySpan<Segment> segments)
    {
        var (x, perRow) = (node.Inputs[0]!, 0.0);
        for (var i = 0; i < Projections.Count; i++)
        {
            var (projection, w) = (Projections[i], node.Inputs[FirstInput(i)]);
            perRow += (double)x.Columns * ((w is null ? 0 : projection.Outputs) + projection.Rank) + (double)projection.Rank * projection.Outputs;
        }

        return 2 * perRow * x.Rows.Of(counts);
    }

    /// <inheritdoc/>
    public override void Backward(GradientBuilder gradient, Node node)
    {
        var (x, residual, dropped) = (node.Inputs[0]!, node.Inputs[1], node.Inputs[2]);
        var gradients = Enumerable.Range(0, Projections.Count).Select(i => gradient.Of(node.Outputs[i])).ToArray();
        for (var i = 0; i < Projections.Count; i++)
        {
            if (gradients[i] is not { } dy)
                continue;
            if (gradient.Needs(node.Inputs[FirstInput(i)]))
                gradient.Emit(new WeightGradient(), [x, dy], gradient.Into(node.Inputs[FirstInput(i)]!));
            if (gradient.Needs(node.Inputs[FirstInput(i) + 1]))
                gradient.Emit(new BiasGradient(), [dy], gradient.Into(node.Inputs[FirstInput(i) + 1]!));
        }

        Value? v = null;
        if (TotalRank > 0)
        {
            v = new Value(node.Scope + ".v", Type, x.Rows, TotalRank);
            List<Value?> inputs = [dropped ?? x, node.Outputs[^1]];
            List<GradientTarget> outputs = [GradientBuilder.Temporary(v)];
            for (var i = 0; i < Projections.Count; i++)
            {
                inputs.AddRange(gradients[i], node.Inputs[FirstInput(i) + 3]);
                if (Projections[i].Rank > 0)
                    outputs.AddRange([gradient.Into(node.Inputs[FirstInput(i) + 2]!), gradient.Into(node.Inputs[FirstInput(i) + 3]!)]);
            }

            gradient.Emit(new LowRankGradient(Projections, Type), [.. inputs], [.. outputs]);
            if (dropped is not null && gradient.Needs(dropped))
                EmitInput(dropped, false, true);
        }

        if (gradient.Needs(x))
            EmitInput(x, true, dropped is null);

        if (residual is not null && gradient.Needs(residual) && !gradient.TryShare(residual, gradients[0]!))
            gradient.Emit(new Sum(residual.GradientType), [gradients[0]], gradient.Into(residual));

        void EmitInput(Value input, bool weights, bool lowRank)
        {
            List<Value?> inputs = [lowRank ? v : null];
            for (var i = 0; i < Projections.Count; i++)
                inputs.AddRange(weights ? gradients[i] : null, weights ? node.Inputs[FirstInput(i)] : null, lowRank ? node.Inputs[FirstInput(i) + 2] : null);
            gradient.Emit(new LinearGradient(Projections), [.. inputs], gradient.Into(input));
        }
    }

    /// <summary>The same operation over a part of its projections.</summary>
    internal (Linear Operation, Value?[] Inputs) Only(IReadOnlyList<int> chosen, Value?[] inputs)
    {
        List<Value?> kept = [.. inputs[..3]];
        foreach (var index in chosen)
            kept.AddRange(inputs[FirstInput(index)..(FirstInput(index) + 4)]);
        return (this with { Projections = [.. chosen.Select(index => Projections[index])] }, [.. kept]);
    }

    private static string NameOf(Value weight)
    {
        var name = weight.Name.EndsWith(".weight", StringComparison.Ordinal) ? weight.Name[..^7] : weight.Name;
        return name[(name.LastIndexOf('.') + 1)..];
    }
}

/// <summary>The input's gradient of <see cref="Linear"/>: dx = Σ dyᵢ Wᵢ + v A, one product.</summary>
/// <remarks>Inputs: v [rows, Σ rank] or null, then for each projection dy [rows, out], W [out, in], A [rank, in], each or null. Output: dx.</remarks>
public sealed record LinearGradient(ValueList<Projection> Projections) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs) => throw new InvalidOperationException("emitted by Linear only");

    /// <inheritdoc/>
    public override double Flops(Node node, in Counts counts, ReadOnlySpan<Segment> segments)
    {
        var inner = node.Inputs[0]?.Columns ?? 0;
        for (var i = 0; i < Projections.Count; i++)
            inner += node.Inputs[2 + 3 * i] is null ? 0 : node.Inputs[1 + 3 * i]?.Columns ?? 0;
        return 2.0 * inner * node.Outputs[0].Columns * node.Outputs[0].Rows.Of(counts);
    }
}

/// <summary>The gradients of the low-rank terms of a <see cref="Linear"/>: v = s dy B, dA += vᵀ x, dB += dyᵀ u.</summary>
/// <remarks>Inputs: x [rows, in] (with dropout), u [rows, Σ rank], then for each projection dy [rows, out], B [out, rank], each or null.
/// Outputs: v [rows, Σ rank], then for each projection with a term dA [rank, in], dB [out, rank], added to.</remarks>
public sealed record LowRankGradient(ValueList<Projection> Projections, DType Type) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs) => throw new InvalidOperationException("emitted by Linear only");

    /// <inheritdoc/>
    public override double Flops(Node node, in Counts counts, ReadOnlySpan<Segment> segments)
    {
        var (x, perRow) = (node.Inputs[0]!, 0.0);
        foreach (var projection in Projections)
            perRow += (double)projection.Rank * (2.0 * projection.Outputs + x.Columns);
        return 2 * perRow * x.Rows.Of(counts);
    }
}

/// <summary>The gradient of a trained weight: dW += dyᵀ x.</summary>
/// <remarks>x [rows, in], dy [rows, out] → dW [out, in], added to.</remarks>
public sealed record WeightGradient : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs) => throw new InvalidOperationException("emitted by Linear only");

    /// <inheritdoc/>
    public override double Flops(Node node, in Counts counts, ReadOnlySpan<Segment> segments) =>
        2.0 * node.Inputs[0]!.Columns * node.Inputs[1]!.Columns * node.Inputs[0]!.Rows.Of(counts);
}

/// <summary>The gradient of a trained bias: db += Σ dy over the rows.</summary>
/// <remarks>dy [rows, out] → db [1, out], added to.</remarks>
public sealed record BiasGradient : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs) => throw new InvalidOperationException("emitted by Linear only");
}
