using Afina.Engine.Ops;

namespace Afina.Engine.Graphs;

/// <summary>One use of an operation.</summary>
public sealed class Node
{
    internal Node(Operation operation, string scope, int layer, Value?[] inputs, Value[] outputs, bool[] adds)
    {
        Operation = operation;
        Scope = scope;
        Layer = layer;
        Inputs = inputs;
        Outputs = outputs;
        Adds = adds;
    }

    /// <summary>What is computed.</summary>
    public Operation Operation { get; }

    /// <summary>The module that it belongs to, as a path.</summary>
    public string Scope { get; }

    /// <summary>The decoder layer, or −1.</summary>
    public int Layer { get; }

    /// <summary>What is read; null for an optional input that is absent.</summary>
    public Value?[] Inputs { get; }

    /// <summary>What is written.</summary>
    public Value[] Outputs { get; }

    /// <summary>For each output: false if it is assigned, true if it is added to.</summary>
    public bool[] Adds { get; }

    /// <summary>Whether it belongs to the backward pass.</summary>
    public bool IsBackward { get; init; }

    /// <summary>The node that this one computes again, if it does.</summary>
    public Node? Original { get; init; }

    /// <summary>What it does in a run.</summary>
    public Work Work(in Counts counts, ReadOnlySpan<Segment> segments) => new(Operation.Flops(this, counts, segments), Operation.Bytes(this, counts, segments));
}

/// <summary>Operations in the order in which they run, with their values.</summary>
public sealed class Graph
{
    /// <summary>The nodes, in order.</summary>
    public List<Node> Nodes { get; } = [];

    /// <summary>Values whose contents must outlive the run: they are read from outside.</summary>
    public HashSet<Value> Results { get; } = [];

    /// <summary>The decoder layer that added nodes belong to; −1 outside the layers.</summary>
    public int Layer { get; set; } = -1;

    /// <summary>Adds a node whose outputs are new values.</summary>
    public Value[] Add(Operation operation, string scope, params Value?[] inputs)
    {
        var outputs = operation.Infer(scope, inputs);
        Nodes.Add(new Node(operation, scope, Layer, inputs, outputs, new bool[outputs.Length]));
        return outputs;
    }

    /// <summary>Adds a node that writes given values.</summary>
    internal void Add(Node node) => Nodes.Add(node);
}
