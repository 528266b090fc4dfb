using System.Diagnostics;
using Afina.Engine.Planning;

namespace Afina.Engine.Execution;

/// <summary>Time per step of a program, summed over its runs.</summary>
public sealed class Profile(Plan plan)
{
    private readonly long[] _ticks = new long[plan.Graph.Nodes.Count];

    /// <summary>Seconds per operation, the longest first, with the number of nodes.</summary>
    public IEnumerable<(string Operation, int Nodes, double Seconds)> ByOperation() =>
        plan.Graph.Nodes.Select((node, i) => (Name: node.Operation.Name + (node.Original is null ? "" : " (again)"), Ticks: _ticks[i]))
            .GroupBy(step => step.Name)
            .Select(group => (group.Key, group.Count(), group.Sum(step => step.Ticks) / (double)Stopwatch.Frequency))
            .OrderByDescending(row => row.Item3);

    /// <summary>Seconds of one step.</summary>
    public double Seconds(int step) => _ticks[step] / (double)Stopwatch.Frequency;

    /// <summary>Forgets what was measured.</summary>
    public void Clear() => Array.Clear(_ticks);

    internal void Add(int step, long ticks) => _ticks[step] += ticks;
}
