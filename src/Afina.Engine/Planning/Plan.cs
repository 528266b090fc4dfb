using System.Globalization;
using System.Text;
using Afina.Engine.Graphs;

namespace Afina.Engine.Planning;

/// <summary>Memory that a kernel needs beside its values, while it runs.</summary>
/// <param name="Shared">Bytes shared by all threads.</param>
/// <param name="PerWorker">Bytes of each thread.</param>
public readonly record struct Scratch(long Shared, long PerWorker);

/// <summary>A program ready to be run: the nodes in order, and a place in one arena for every value that lives in it.</summary>
public sealed class Plan
{
    private readonly Dictionary<Value, long> _offsets;

    private Plan(Graph graph, Counts capacity, Dictionary<Value, long> offsets, long values, Scratch scratch, int workers)
    {
        (Graph, Capacity, _offsets, ValueBytes, Scratch, Workers) = (graph, capacity, offsets, values, scratch, workers);
    }

    /// <summary>The program.</summary>
    public Graph Graph { get; }

    /// <summary>The largest counts that a run may bind.</summary>
    public Counts Capacity { get; }

    /// <summary>Threads that the scratch memory is planned for.</summary>
    public int Workers { get; }

    /// <summary>Bytes of the values in the arena, overlapping where their lives do not.</summary>
    public long ValueBytes { get; }

    /// <summary>The largest scratch memory of any node.</summary>
    public Scratch Scratch { get; }

    /// <summary>Bytes of the whole arena.</summary>
    public long ArenaBytes => ValueBytes + ArenaLayout.Align(Scratch.Shared) + Workers * ArenaLayout.Align(Scratch.PerWorker);

    /// <summary>The first step of the backward; the number of steps where there is none.</summary>
    public int Backward => Graph.Nodes.FindIndex(node => node.IsBackward) is >= 0 and var first ? first : Graph.Nodes.Count;

    /// <summary>Where the value lies in the arena.</summary>
    public long Offset(Value value) => _offsets[value];

    /// <summary>Plans a program.</summary>
    /// <param name="graph">The program.</param>
    /// <param name="capacity">The largest counts that will be bound.</param>
    /// <param name="workers">Threads.</param>
    /// <param name="scratch">What a node's kernel needs beside its values.</param>
    public static Plan Make(Graph graph, Counts capacity, int workers, Func<Node, Scratch> scratch)
    {
        var lives = Liveness.Of(graph);
        var (offsets, bytes) = ArenaLayout.Place(lives, value => value.Bytes(capacity));
        var most = default(Scratch);
        foreach (var node in graph.Nodes)
        {
            var need = scratch(node);
            most = new Scratch(Math.Max(most.Shared, need.Shared), Math.Max(most.PerWorker, need.PerWorker));
        }

        return new Plan(graph, capacity, offsets, bytes, most, workers);
    }

    /// <summary>The program as a person reads it: one line per node with what it reads and writes, and where that lies.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Graph.Nodes.Count} steps; arena {ArenaBytes:N0} bytes for {Capacity.Rows} rows, {Capacity.LabelledRows} labelled, {Capacity.Targets} targets, {Capacity.Segments} segments");
        for (var i = 0; i < Graph.Nodes.Count; i++)
        {
            var node = Graph.Nodes[i];
            var mark = node.Original is not null ? "again" : node.IsBackward ? "back" : "";
            text.AppendLine(CultureInfo.InvariantCulture, $"{i,4} {mark,-5} {node.Operation.Name,-18} {node.Scope}");
            text.AppendLine(CultureInfo.InvariantCulture, $"           reads  {string.Join("; ", node.Inputs.Where(input => input is not null))}");
            text.AppendLine(CultureInfo.InvariantCulture, $"           {(node.Adds.Any(adds => adds) ? "adds  " : "writes")} {string.Join("; ", node.Outputs.Select(output => output.Residence == Residence.Arena ? $"{output} @{Offset(output):N0}" : output.ToString()))}");
        }

        return text.ToString();
    }
}
