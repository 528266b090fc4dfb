using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>Looks up a row of the table for each token: y[i] = scale · table[ids[i]].</summary>
/// <remarks>ids [rows, 1] I32, table [vocabulary, dim] → y [rows, dim]. dtable[ids[i]] += scale · dy[i], rows in order.</remarks>
/// <param name="Type">The type of the residual stream.</param>
/// <param name="Scale">1, or √dim in the Gemma family.</param>
public sealed record Embedding(DType Type, float Scale = 1) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs is [{ Type: DType.I32, Columns: 1 }, { }], scope, inputs);
        return [new Value(scope, Type, inputs[0]!.Rows, inputs[1]!.Columns) { GradientType = DTypesOf.Residual(Type) }];
    }

    /// <inheritdoc/>
    public override bool IsRowInput(int input) => input == 0;

    /// <inheritdoc/>
    public override double Bytes(Node node, in Counts counts, ReadOnlySpan<Segment> segments) => 2.0 * node.Outputs[0].Bytes(counts);

    /// <inheritdoc/>
    public override void Backward(GradientBuilder gradient, Node node)
    {
        if (gradient.Needs(node.Inputs[1]))
            gradient.Emit(new EmbeddingGradient(Scale), [node.Inputs[0], gradient.Of(node.Outputs[0])], gradient.Into(node.Inputs[1]!));
    }
}

/// <summary>The backward of <see cref="Embedding"/>.</summary>
/// <remarks>ids [rows, 1], dy [rows, dim] → dtable [vocabulary, dim], added to.</remarks>
public sealed record EmbeddingGradient(float Scale) : Operation
{
    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs) => throw new InvalidOperationException("emitted by Embedding only");
}

/// <summary>Which type goes with which.</summary>
internal static class DTypesOf
{
    /// <summary>The gradient of the residual stream sums one term per layer: it is kept in fp32 when activations are bf16.</summary>
    public static DType Residual(DType activation) => activation == DType.BF16 ? DType.F32 : activation;
}
