using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Passes;

/// <summary>Moves the choice of labelled rows up as far as it goes, so that nothing is computed for rows that reach no loss: of the last
/// layer only the keys and values remain for all rows.</summary>
/// <remarks>Works on a forward graph that ends in <see cref="SelectRows"/>. Each value is wanted for all rows, for the chosen ones, or both.</remarks>
public static class DeadRows
{
    [Flags]
    private enum Want
    {
        Nothing = 0,
        Chosen = 1,
        All = 2,
    }

    /// <summary>The same program without the dead rows.</summary>
    public static Graph Remove(Graph graph)
    {
        var index = graph.Nodes.FirstOrDefault(node => node.Operation is SelectRows)?.Inputs[1];
        if (index is null)
            return graph;

        var wants = new Dictionary<Value, Want>();
        void Add(Value? value, Want want)
        {
            if (value is not null)
                wants[value] = wants.GetValueOrDefault(value) | want;
        }

        foreach (var result in graph.Results)
            Add(result, Want.All);
        foreach (var node in Enumerable.Reverse(graph.Nodes))
        {
            var selects = Selects(node);
            foreach (var (input, i) in node.Inputs.Select((input, i) => (input, i)))
            {
                if (selects && i == 0)
                    Add(input, Want.Chosen);
                else if (node.Operation.IsRowInput(i) && CanChoose(node))
                    Add(input, node.Outputs.Aggregate(Want.Nothing, (want, output) => want | wants.GetValueOrDefault(output)));
                else
                    Add(input, Want.All);
            }
        }

        var result2 = new Graph();
        result2.Results.UnionWith(graph.Results);
        var chosen = new Dictionary<Value, Value>();
        foreach (var node in graph.Nodes)
        {
            result2.Layer = node.Layer;
            if (Selects(node))
            {
                chosen[node.Outputs[0]] = Chosen(node.Inputs[0]!);
                continue;
            }

            var few = node.Outputs.Select((output, i) => (output, i)).Where(o => Wanted(o.output) == Want.Chosen).Select(o => o.i).ToList();
            if (few.Count == 0 || !CanChoose(node))
            {
                result2.Add(new Node(node.Operation, node.Scope, node.Layer, [.. node.Inputs.Select(Current)], node.Outputs, node.Adds));
                continue;
            }

            if (node.Operation is Linear linear)
            {
                var all = Enumerable.Range(0, linear.Projections.Count).Where(i => Wanted(node.Outputs[i]).HasFlag(Want.All)).ToList();
                few = [.. few.Where(i => i < linear.Projections.Count)];
                if (all.Count > 0)
                {
                    var (operation, inputs) = linear.Only(all, node.Inputs);
                    var made = operation.Infer(node.Scope, inputs);
                    Value[] outputs = [.. all.Select(i => node.Outputs[i]), .. made.Skip(all.Count)];
                    result2.Add(new Node(operation, node.Scope, node.Layer, [.. inputs.Select(Current)], outputs, new bool[outputs.Length]));
                }

                Choose(node, linear.Only(few, node.Inputs), few);
            }
            else
            {
                Choose(node, (node.Operation, node.Inputs), few);
            }
        }

        return result2;

        // A choice that is itself a result stays where it is.
        bool Selects(Node node) => node.Operation is SelectRows && node.Inputs[1] == index && !graph.Results.Contains(node.Outputs[0]);

        Want Wanted(Value value) => wants.GetValueOrDefault(value);

        Value? Current(Value? value) => value is not null && chosen.TryGetValue(value, out var few) && value.Rows == Dimension.LabelledRows ? few : value;

        Value Chosen(Value value)
        {
            if (!chosen.TryGetValue(value, out var few))
                chosen[value] = few = result2.Add(new SelectRows(), value.Name, value, index)[0];
            return few;
        }

        void Choose(Node node, (Operation Operation, Value?[] Inputs) what, List<int> outputs)
        {
            var (operation, inputs) = what.Operation.ForRows(what.Inputs, index);
            Value?[] rows = [.. inputs.Select((input, i) => input is not null && what.Operation.IsRowInput(i) ? Chosen(input) : Current(input))];
            var made = result2.Add(operation, node.Scope, rows);
            for (var i = 0; i < outputs.Count; i++)
                chosen[node.Outputs[outputs[i]]] = made[i];
            if (node.Operation is Attention)
                chosen[node.Outputs[1]] = made[1];
        }
    }

    private static bool CanChoose(Node node) => Enumerable.Range(0, node.Inputs.Length).Any(node.Operation.IsRowInput) && !node.Outputs[0].Rows.Equals(Dimension.LabelledRows);
}
