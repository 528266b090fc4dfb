using System.Diagnostics;
using System.Runtime.InteropServices;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Planning;
using Afina.Engine.Tensors;

namespace Afina.Engine.Execution;

/// <summary>Runs a planned program again and again: walks the steps, the team takes their tiles. Allocates nothing while it runs.</summary>
public sealed unsafe class Executor
{
    private readonly Kernel[] _kernels;
    private readonly Team _team;
    private readonly NativeBuffer _arena;
    private readonly IReadOnlyList<object> _kept;

    // Kernels hold addresses only: this keeps the buffers behind them.
    private readonly Bindings _bindings;
    private Counts _counts;
    private Range _steps = Range.All;

    /// <summary>Prepares the kernels of a plan.</summary>
    /// <param name="arena">Memory of at least <see cref="Plan.ArenaBytes"/>, which other programs may use between runs.</param>
    public Executor(Plan plan, Backend backend, Bindings bindings, Team team, NativeBuffer arena)
    {
        if (arena.Length < plan.ArenaBytes || team.Size > plan.Workers)
            throw new ArgumentException($"the plan needs {plan.ArenaBytes} bytes and is made for {plan.Workers} threads; there are {arena.Length} bytes and {team.Size} threads");
        (Plan, _team, _arena, _bindings) = (plan, team, arena, bindings);
        var memory = new Memory(plan, bindings, arena.Pointer);
        _kernels = [.. plan.Graph.Nodes.Select(node => backend.Prepare(node, memory))];
        _kept = memory.Kept;
    }

    /// <summary>The program.</summary>
    public Plan Plan { get; }

    /// <summary>Time per step, where it is being measured.</summary>
    public Profile? Profile { get; set; }

    /// <summary>Runs the program once.</summary>
    /// <exception cref="ArgumentException">A count is above its capacity.</exception>
    public void Run(in Counts counts) => Run(counts, Range.All);

    /// <summary>Runs a part of the program's steps. What is written to bound buffers between the parts of a run is read by the later ones; the
    /// arena must stay as it is.</summary>
    /// <exception cref="ArgumentException">A count is above its capacity.</exception>
    public void Run(in Counts counts, Range steps)
    {
        var capacity = Plan.Capacity;
        if (counts.Rows > capacity.Rows || counts.LabelledRows > capacity.LabelledRows || counts.Targets > capacity.Targets
            || counts.Segments > capacity.Segments || counts.CachedRows > capacity.CachedRows)
            throw new ArgumentException($"counts {counts} are above the planned {capacity}");
        (_counts, _steps) = (counts, steps);
        foreach (var kernel in _kernels.AsSpan(steps))
            kernel.Begin(counts);
        if (Profile is { } profile)
            profile.Begin(counts, profile.Segments is { } value ? MemoryMarshal.Cast<int, Segment>(_bindings[value].Span<int>(counts.Segments * Segment.Fields)) : [], steps);
        _team.Run(this);
        Profile?.End();
        GC.KeepAlive(_arena);
        GC.KeepAlive(_kept);
        GC.KeepAlive(_bindings);
    }

    /// <summary>The contents of a value after a run; it must be one of the program's results or a bound one. They last as long as the executor.</summary>
    /// <exception cref="ArgumentException">It is neither, holds another type, or <paramref name="counts"/> are above the capacity.</exception>
    public Span<T> Read<T>(Value value, scoped in Counts counts)
        where T : unmanaged
    {
        if (sizeof(T) != value.Type.Bytes())
            throw new ArgumentException($"{value} is not made of {typeof(T).Name}");
        return MemoryMarshal.Cast<byte, T>(ReadBytes(value, counts));
    }

    /// <summary>The same as bytes.</summary>
    /// <exception cref="ArgumentException">It is no result, or <paramref name="counts"/> are above the capacity.</exception>
    public Span<byte> ReadBytes(Value value, scoped in Counts counts)
    {
        if (value.Residence == Residence.Arena ? !Plan.Graph.Results.Contains(value) : value.Residence == Residence.Frozen)
            throw new ArgumentException($"{value} is no result of this program");
        if (value.Rows.Of(counts) > value.Rows.Of(Plan.Capacity))
            throw new ArgumentException($"{value} has fewer rows than {value.Rows.Of(counts)}");
        var data = value.Residence == Residence.Arena ? _arena.Pointer + Plan.Offset(value) : _bindings[value].Pointer;
        return new Span<byte>(data, checked((int)value.Bytes(counts)));
    }

    internal void Work(Team team, int worker)
    {
        ref readonly var counts = ref _counts;
        var (first, count) = _steps.GetOffsetAndLength(_kernels.Length);
        for (var step = first; step < first + count; step++)
        {
            var kernel = _kernels[step];
            var started = worker == 0 && Profile is not null ? Stopwatch.GetTimestamp() : 0;
            var phases = kernel.Phases(counts);
            for (var phase = 0; phase < phases; phase++)
            {
                try
                {
                    // Every thread sees the same count, so nobody waits for a phase that has nothing to do.
                    var tiles = kernel.Tiles(phase, counts);
                    if (tiles == 0)
                        continue;
                    for (var tile = team.Take(worker, tiles); tile >= 0; tile = team.Take(worker, tiles))
                        kernel.Run(phase, tile, worker, counts);
                }
                catch (Exception error)
                {
                    team.Fail(error);
                }

                team.Meet();
            }

            if (started != 0)
                Profile!.Add(step, started, Stopwatch.GetTimestamp());
        }
    }
}
