using System.Diagnostics;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Runs;

/// <summary>An operation in a profile, per step.</summary>
/// <param name="Operation">Its name; that of a program for a program beside the steps.</param>
/// <param name="Nodes">How often it stands in the programs.</param>
/// <param name="Seconds">Seconds of a step.</param>
/// <param name="Flops">Operations of its products in a step.</param>
/// <param name="Bytes">Bytes that it reads and writes in a step.</param>
/// <param name="ShareOfLimit">The time that the machine's limits allow over the time that it took; above one where caches are faster than memory.</param>
public sealed record ProfileRow(string Operation, int Nodes, double Seconds, double Flops, double Bytes, double ShareOfLimit);

/// <summary>Where the time of a step went.</summary>
/// <param name="Steps">Steps that were measured.</param>
/// <param name="StepSeconds">Seconds of a step, from its first operation to its last.</param>
/// <param name="Rows">The operations, the longest first.</param>
/// <param name="BetweenSeconds">Seconds of a step between its programs: batches, results.</param>
/// <param name="PeakFlops">Operations per second of products at most.</param>
/// <param name="PeakBandwidth">Bytes per second from memory at most.</param>
public sealed record ProfileReport(int Steps, double StepSeconds, IReadOnlyList<ProfileRow> Rows, double BetweenSeconds, double PeakFlops, double PeakBandwidth);

/// <summary>Measures where time goes while programs run, and records the first steps for a trace.</summary>
/// <param name="traces">Whether single runs are kept for a trace.</param>
public sealed class RunProfile(bool traces = false) : IProfileRecorder
{
    /// <summary>Steps that a trace has: enough to see, and a file that viewers open.</summary>
    private const int MostTraced = 20;

    private readonly List<(string Program, Profile Profile)> _profiles = [];
    private readonly List<NodeRun> _nodes = [];
    private readonly List<ProgramRun> _programs = [];
    private readonly List<(int Step, long Started, long Ended)> _steps = [];
    private long _started;
    private double _seconds;
    private int _count;

    /// <summary>The steps that a trace has.</summary>
    internal IReadOnlyList<(int Step, long Started, long Ended)> Steps => _steps;

    /// <summary>The programs of a trace.</summary>
    internal IReadOnlyList<ProgramRun> Programs => _programs;

    /// <summary>The nodes of a trace.</summary>
    internal IReadOnlyList<NodeRun> Nodes => _nodes;

    /// <summary>A program whose end is the end of a step; every program that is not named in <see cref="Aside"/> belongs to a step.</summary>
    public string Last { get; init; } = "update";

    /// <summary>A program that runs between steps; no trace has it.</summary>
    public string Aside { get; init; } = "held-out rows";

    private bool IsTracing => traces && _steps.Count < MostTraced;

    /// <inheritdoc/>
    void IProfileRecorder.Ran(in NodeRun run)
    {
        if (IsTracing)
            _nodes.Add(run);
    }

    /// <inheritdoc/>
    void IProfileRecorder.Ran(in ProgramRun run)
    {
        if (IsTracing)
            _programs.Add(run);
        if (_started == 0)
            _started = run.Started;
        if (run.Program != Last)
            return;
        _seconds += Stopwatch.GetElapsedTime(_started, run.Ended).TotalSeconds;
        _count++;
        if (IsTracing)
            _steps.Add((Last == "update" ? run.Counts.Step + 1 : _count, _started, run.Ended));
        _started = 0;
    }

    /// <summary>Gives programs a profile each.</summary>
    internal void Attach(IEnumerable<(string Name, Executor Executor)> programs)
    {
        foreach (var (name, executor) in programs)
        {
            executor.Profile = new Profile(executor.Plan, name, name == Aside ? null : this);
            _profiles.Add((name, executor.Profile));
        }
    }

    /// <summary>Forgets what was measured.</summary>
    internal void Clear()
    {
        foreach (var (_, profile) in _profiles)
            profile.Clear();
        _nodes.Clear();
        _programs.Clear();
        _steps.Clear();
        (_started, _seconds, _count) = (0, 0, 0);
    }

    /// <summary>The table, against the limits of a machine.</summary>
    internal ProfileReport Report(Backend backend, DType type, int threads)
    {
        var (flops, bandwidth) = (backend.PeakFlops(type, threads), backend.PeakBandwidth(threads));
        var steps = Math.Max(_count, 1);
        var rows = _profiles.Where(program => program.Program != Aside).SelectMany(program => program.Profile.ByOperation()).GroupBy(row => row.Operation)
            .Select(group => Row(group.Key, [.. group])).OrderByDescending(row => row.Seconds).ToList();
        var between = Math.Max(0, _seconds / steps - rows.Sum(row => row.Seconds));
        foreach (var (name, profile) in _profiles.Where(program => program.Program == Aside && program.Profile.Runs > 0))
            rows.Add(Row($"({name})", [.. profile.ByOperation()]));
        return new ProfileReport(_count, _seconds / steps, rows, between, flops, bandwidth);

        ProfileRow Row(string name, IReadOnlyList<OperationProfile> parts)
        {
            var seconds = parts.Sum(part => part.Seconds);
            var work = parts.Aggregate(default(Work), (sum, part) => sum + part.Work);
            return new ProfileRow(name, parts.Sum(part => part.Nodes), seconds / steps, work.Flops / steps, work.Bytes / steps, seconds > 0 ? work.SecondsAt(flops, bandwidth) / seconds : 0);
        }
    }
}
