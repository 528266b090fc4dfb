using Afina.Engine.Graphs;

namespace Afina.Engine.Planning;

/// <summary>From which step to which a value has to be kept.</summary>
public readonly record struct Life(Value Value, int First, int Last);

/// <summary>When the values of a program live.</summary>
public static class Liveness
{
    /// <summary>The lives of all values in the arena, in the order of their first writers.</summary>
    /// <exception cref="InvalidOperationException">A value is read before it is written.</exception>
    public static IReadOnlyList<Life> Of(Graph graph)
    {
        var first = new Dictionary<Value, int>();
        var last = new Dictionary<Value, int>();
        for (var i = 0; i < graph.Nodes.Count; i++)
        {
            var node = graph.Nodes[i];
            foreach (var input in node.Inputs)
            {
                if (input is not { Residence: Residence.Arena })
                    continue;
                if (!first.ContainsKey(input))
                    throw new InvalidOperationException($"{node.Scope}: {node.Operation.Name} reads {input} before anything writes it");
                last[input] = i;
            }

            foreach (var output in node.Outputs)
            {
                if (output.Residence != Residence.Arena)
                    continue;
                first.TryAdd(output, i);
                last[output] = i;
            }
        }

        return [.. first.OrderBy(pair => pair.Value).Select(pair =>
            new Life(pair.Key, pair.Value, graph.Results.Contains(pair.Key) ? graph.Nodes.Count : last[pair.Key]))];
    }
}
