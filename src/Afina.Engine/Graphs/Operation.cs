using Afina.Engine.Ops;
using Afina.Engine.Tensors;

namespace Afina.Engine.Graphs;

/// <summary>What a node computes: options only, immutable, without kernel or backend.</summary>
public abstract record Operation
{
    /// <summary>The name in plans and profiles.</summary>
    public string Name => GetType().Name;

    /// <summary>The outputs for these inputs; called once, when the node is added.</summary>
    /// <exception cref="ShapeException">The shapes do not fit; the message has them.</exception>
    public abstract Value[] Infer(string scope, Value?[] inputs);

    /// <summary>Emits the nodes that carry the gradients of the outputs to the inputs that need them.</summary>
    public virtual void Backward(GradientBuilder gradient, Node node) =>
        throw new InvalidOperationException($"{Name} has no gradient, but a trained parameter lies behind it");

    /// <summary>Whether an output depends on an input. An output with no trained parameter behind it gets no gradient.</summary>
    public virtual bool DependsOn(int output, int input) => true;

    /// <summary>Whether output row i depends only on row i of the inputs for which this is true (and on all of the others). An
    /// operation with at least one such input can be computed for chosen rows only.</summary>
    public virtual bool IsRowInput(int input) => false;

    /// <summary>The same operation where only chosen rows of its row inputs are given; <paramref name="rows"/> has their numbers.</summary>
    public virtual (Operation Operation, Value?[] Inputs) ForRows(Value?[] inputs, Value rows) => (this, inputs);

    /// <summary>Whether the outputs differ from step to step though the inputs do not.</summary>
    public virtual bool IsRandom => false;

    /// <summary>Whether computing the outputs again costs less than keeping them.</summary>
    public virtual bool IsCheap => false;

    /// <summary>Operations of the products that a node of this computes in one run; 0 where there are none.</summary>
    public virtual double Flops(Node node, in Counts counts, ReadOnlySpan<Segment> segments) => 0;

    /// <summary>Bytes that a node of this reads and writes in one run, each value once.</summary>
    public virtual double Bytes(Node node, in Counts counts, ReadOnlySpan<Segment> segments)
    {
        var bytes = 0.0;
        foreach (var input in node.Inputs)
            bytes += input is null ? 0 : input.Weight?.Bytes ?? input.Bytes(counts);
        for (var i = 0; i < node.Outputs.Length; i++)
            bytes += node.Outputs[i].Bytes(counts) * (node.Adds[i] ? 2 : 1);
        return bytes;
    }

    /// <summary>Throws unless a shape fits.</summary>
    protected void Require(bool fits, string scope, Value?[] inputs)
    {
        if (!fits)
            throw new ShapeException($"{scope}: {Name} does not fit its inputs: {string.Join("; ", inputs.Where(value => value is not null))}");
    }

    /// <summary>The type of activations that an input has: F32 for a frozen weight.</summary>
    protected static DType ActivationType(Value value) => value.Type;
}

/// <summary>Values do not fit an operation.</summary>
public sealed class ShapeException(string message) : Exception(message);
