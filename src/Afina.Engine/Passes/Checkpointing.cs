using Afina.Engine.Graphs;

namespace Afina.Engine.Passes;

/// <summary>What a training program keeps of its forward pass for the backward.</summary>
public enum Checkpoint : byte
{
    /// <summary>Everything that the backward reads.</summary>
    Nothing,

    /// <summary>All but what costs little to compute again: norms, gated activations, dropped inputs.</summary>
    Cheap,

    /// <summary>Of each layer only its input.</summary>
    Layers,
}

/// <summary>Rewrites a program so that its backward computes again what then need not be kept.</summary>
public static class Checkpointing
{
    /// <summary>The same program with less to keep. A node that runs again carries the id of its original.</summary>
    public static Graph Rewrite(Graph graph, Checkpoint policy)
    {
        if (policy == Checkpoint.Nothing)
            return graph;
        var producers = new Dictionary<Value, Node>();
        var crossing = new HashSet<Node>();
        foreach (var node in graph.Nodes.Where(node => !node.IsBackward))
        {
            foreach (var input in node.Inputs)
            {
                if (input is not null && producers.TryGetValue(input, out var producer) && producer.Layer != node.Layer)
                    crossing.Add(producer);
            }

            foreach (var output in node.Outputs)
                producers[output] = node;
        }

        bool Again(Node node) => node.Layer >= 0 && (node.Operation.IsCheap || (policy == Checkpoint.Layers && !crossing.Contains(node)));

        var result = new Graph();
        result.Results.UnionWith(graph.Results);
        var copies = new Dictionary<Value, Value>();
        foreach (var node in graph.Nodes)
        {
            if (!node.IsBackward)
            {
                result.Add(node);
                continue;
            }

            Value?[] inputs = [.. node.Inputs.Select(Current)];
            result.Add(new Node(node.Operation, node.Scope, node.Layer, inputs, node.Outputs, node.Adds) { IsBackward = true });
        }

        return result;

        Value? Current(Value? value)
        {
            if (value is not { Residence: Residence.Arena } || !producers.TryGetValue(value, out var producer) || !Again(producer) || graph.Results.Contains(value))
                return value;
            if (copies.TryGetValue(value, out var copy))
                return copy;
            Value?[] inputs = [.. producer.Inputs.Select(Current)];
            Value[] outputs = [.. producer.Outputs.Select(output => new Value(output.Name, output.Type, output.Rows, output.Columns) { GradientType = output.GradientType })];
            result.Add(new Node(producer.Operation, producer.Scope, producer.Layer, inputs, outputs, producer.Adds) { IsBackward = true, Original = producer });
            for (var i = 0; i < outputs.Length; i++)
                copies[producer.Outputs[i]] = outputs[i];
            return copies[value];
        }
    }
}
