namespace Afina.Engine.Graphs;

/// <summary>Where a gradient is written: the value, and whether earlier writers' sums are there already (beta 1) or not (beta 0).</summary>
public readonly record struct GradientTarget(Value Value, bool Adds);

/// <summary>What an operation meets when it emits its backward: the gradients of its outputs and the places for those of its inputs.</summary>
/// <remarks>The first writer of a gradient assigns, later ones add, in the order of the graph; parameters' gradients are always added to.
/// Values can share one buffer (a sum passes its gradient on unchanged); a writer that would change what another value's producer has
/// still to read gets a buffer of its own.</remarks>
public sealed class GradientBuilder
{
    private readonly Graph _graph;
    private readonly HashSet<Value> _needed;
    private readonly Dictionary<Value, Value> _gradients = [];
    private readonly Dictionary<Value, HashSet<Value>> _sharers = [];
    private readonly Func<Value, Value, Node> _copy;
    private Node? _node;

    internal GradientBuilder(Graph graph, HashSet<Value> needed, Func<Value, Value, Node> copy)
    {
        _graph = graph;
        _needed = needed;
        _copy = copy;
    }

    /// <summary>Whether a trained parameter lies behind a value (or it is one).</summary>
    public bool Needs(Value? value) => value is not null && _needed.Contains(value);

    /// <summary>The gradient of an output of the node, or null where none flows.</summary>
    public Value? Of(Value output) => _gradients.GetValueOrDefault(output);

    /// <summary>The place for the gradient of <paramref name="input"/>.</summary>
    public GradientTarget Into(Value input)
    {
        if (input.Parameter is { } parameter)
            return new GradientTarget(parameter.Gradient, true);
        if (!_gradients.TryGetValue(input, out var gradient))
        {
            gradient = New(input);
            _gradients[input] = gradient;
            _sharers[gradient] = [input];
            return new GradientTarget(gradient, false);
        }

        var sharers = _sharers[gradient];
        if (sharers.Count == 1)
            return new GradientTarget(gradient, true);
        sharers.Remove(input);
        var own = New(input);
        _graph.Add(_copy(gradient, own));
        _gradients[input] = own;
        _sharers[own] = [input];
        return new GradientTarget(own, true);
    }

    /// <summary>The gradient of <paramref name="input"/> is that of an output, unchanged. Shares the buffer; false if
    /// <paramref name="input"/> has a gradient already, to which the caller then has to add.</summary>
    public bool TryShare(Value input, Value gradient)
    {
        if (_gradients.ContainsKey(input) || gradient.Type != input.GradientType || input.Parameter is not null)
            return false;
        _gradients[input] = gradient;
        if (!_sharers.TryGetValue(gradient, out var sharers))
            _sharers[gradient] = sharers = [];
        sharers.Add(input);
        return true;
    }

    /// <summary>Emits a node of the backward pass.</summary>
    public void Emit(Operation operation, Value?[] inputs, params GradientTarget[] outputs) =>
        _graph.Add(new Node(operation, _node!.Scope, _node.Layer, inputs, [.. outputs.Select(o => o.Value)], [.. outputs.Select(o => o.Adds)]) { IsBackward = true });

    /// <summary>A new value of the backward pass that is no gradient of an input.</summary>
    public static GradientTarget Temporary(Value value) => new(value, false);

    internal void Visit(Node node)
    {
        _node = node;
        node.Operation.Backward(this, node);

        // From here on nobody reads the gradients of the outputs on this node's behalf.
        foreach (var output in node.Outputs)
        {
            if (_gradients.TryGetValue(output, out var gradient) && _sharers.TryGetValue(gradient, out var sharers))
                sharers.Remove(output);
        }
    }

    /// <summary>Starts from a gradient that belongs to the caller. It shares its own buffer for good, so nobody adds to that.</summary>
    internal void Seed(Value output, Value gradient)
    {
        _gradients[output] = gradient;
        if (!_sharers.TryGetValue(gradient, out var sharers))
            _sharers[gradient] = sharers = [gradient];
        sharers.Add(output);
    }

    private static Value New(Value of) => new("d " + of.Name, of.GradientType, of.Rows, of.Columns);
}
