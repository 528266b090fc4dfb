using System.Diagnostics;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Planning;

namespace Afina.Engine.Execution;

/// <summary>What the nodes of one operation took.</summary>
/// <param name="Operation">Its name; "(again)" where the backward computes it a second time.</param>
/// <param name="Nodes">How often it stands in the program.</param>
/// <param name="Seconds">Time, over all runs.</param>
/// <param name="Work">What they did in it.</param>
public sealed record OperationProfile(string Operation, int Nodes, double Seconds, Work Work);

/// <summary>A node that ran.</summary>
/// <param name="Node">Which.</param>
/// <param name="Started">When, in ticks of <see cref="Stopwatch"/>.</param>
/// <param name="Ended">Until when.</param>
public readonly record struct NodeRun(Node Node, long Started, long Ended);

/// <summary>A program that ran.</summary>
/// <param name="Program">Its profile's name.</param>
/// <param name="Counts">What was bound.</param>
/// <param name="Started">When, in ticks of <see cref="Stopwatch"/>.</param>
/// <param name="Ended">Until when.</param>
public readonly record struct ProgramRun(string Program, Counts Counts, long Started, long Ended);

/// <summary>Told what ran, a program's nodes before the program.</summary>
public interface IProfileRecorder
{
    /// <summary>A node ran.</summary>
    void Ran(in NodeRun run);

    /// <summary>A program ran.</summary>
    void Ran(in ProgramRun run);
}

/// <summary>Time and work per step of a program, summed over its runs. Without one an executor reads no clock.</summary>
/// <param name="plan">The program.</param>
/// <param name="name">What it is called in recordings.</param>
/// <param name="recorder">Told each run, or null.</param>
public sealed class Profile(Plan plan, string name = "program", IProfileRecorder? recorder = null)
{
    private Counts _counts;
    private long _started;
    private readonly long[] _ticks = new long[plan.Graph.Nodes.Count];
    private readonly Work[] _work = new Work[plan.Graph.Nodes.Count];

    /// <summary>Per operation, the longest first.</summary>
    public IEnumerable<OperationProfile> ByOperation() =>
        plan.Graph.Nodes.Select((node, i) => (Name: NameOf(node), Step: i))
            .GroupBy(step => step.Name, step => step.Step)
            .Select(group => new OperationProfile(group.Key, group.Count(), group.Sum(Seconds), group.Aggregate(default(Work), (sum, step) => sum + _work[step])))
            .OrderByDescending(row => row.Seconds);

    /// <summary>Seconds of one step.</summary>
    public double Seconds(int step) => _ticks[step] / (double)Stopwatch.Frequency;

    /// <summary>Runs.</summary>
    public int Runs { get; private set; }

    /// <summary>Forgets what was measured.</summary>
    public void Clear()
    {
        Runs = 0;
        Array.Clear(_ticks);
        Array.Clear(_work);
    }

    /// <summary>An operation's name with the mark of a second computation.</summary>
    public static string NameOf(Node node) => node.Operation.Name + (node.Original is null ? "" : " (again)");

    /// <summary>The value that has a program's segments, if it has any.</summary>
    internal Value? Segments { get; } = plan.Graph.Nodes.SelectMany(node => node.Operation is Attention or AttentionGradient ? node.Inputs : [])
        .FirstOrDefault(value => value is { Columns: Segment.Fields, Residence: Residence.Bound });

    internal void Begin(in Counts counts, ReadOnlySpan<Segment> segments, Range steps)
    {
        var (first, count) = steps.GetOffsetAndLength(_work.Length);
        for (var i = first; i < first + count; i++)
            _work[i] += plan.Graph.Nodes[i].Work(counts, segments);
        (_counts, _started) = (counts, Stopwatch.GetTimestamp());
    }

    internal void Add(int step, long started, long ended)
    {
        _ticks[step] += ended - started;
        recorder?.Ran(new NodeRun(plan.Graph.Nodes[step], started, ended));
    }

    internal void End()
    {
        Runs++;
        recorder?.Ran(new ProgramRun(name, _counts, _started, Stopwatch.GetTimestamp()));
    }
}
