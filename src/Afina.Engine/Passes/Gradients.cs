using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Passes;

/// <summary>Extends a graph by its backward pass.</summary>
public static class Gradients
{
    /// <summary>Appends the nodes that compute the gradient of <paramref name="loss"/> with respect to every parameter behind it. The
    /// operation that makes the loss starts the gradient itself. Nothing is computed that reaches no parameter.</summary>
    public static void Append(Graph graph, Value loss) => Append(graph, node => node.Outputs.Contains(loss), []);

    /// <summary>Appends the nodes that carry given gradients of some values to every parameter behind them.</summary>
    public static void Append(Graph graph, IReadOnlyList<(Value Output, Value Gradient)> seeds) => Append(graph, _ => false, seeds);

    private static void Append(Graph graph, Func<Node, bool> starts, IReadOnlyList<(Value Output, Value Gradient)> seeds)
    {
        var needed = new HashSet<Value>();
        foreach (var node in graph.Nodes)
        {
            needed.UnionWith(node.Inputs.Where(input => input?.Parameter is not null)!);
            for (var output = 0; output < node.Outputs.Length; output++)
            {
                if (node.Inputs.Where((input, i) => input is not null && needed.Contains(input) && node.Operation.DependsOn(output, i)).Any())
                    needed.Add(node.Outputs[output]);
            }
        }

        var builder = new GradientBuilder(graph, needed, Copy);
        foreach (var (output, gradient) in seeds)
            builder.Seed(output, gradient);
        foreach (var node in graph.Nodes.ToArray().Reverse())
        {
            var reached = starts(node) || node.Outputs.Any(output => builder.Of(output) is not null);
            if (reached && node.Outputs.Any(needed.Contains))
                builder.Visit(node);
        }
    }

    private static Node Copy(Value from, Value to) =>
        new(new Sum(to.Type), to.Name, -1, [from], [to], [false]) { IsBackward = true };
}
