using Afina.Engine.Graphs;
using Afina.Engine.Planning;
using Afina.Engine.Tensors;

namespace Afina.Engine.Execution;

/// <summary>Buffers that persist between runs, by the value that they hold.</summary>
public sealed class Bindings
{
    private readonly Dictionary<Value, NativeBuffer> _buffers = [];
    private readonly Bindings[] _others;

    /// <summary>Buffers of its own, and those of others.</summary>
    public Bindings(params Bindings[] others) => _others = others;

    /// <summary>Gives a value a buffer.</summary>
    public void Bind(Value value, NativeBuffer buffer) => _buffers[value] = buffer;

    /// <summary>Gives a value a new, zeroed buffer for its size at <paramref name="capacity"/>.</summary>
    public NativeBuffer Allocate(Value value, in Counts capacity = default)
    {
        var buffer = new NativeBuffer(value.Bytes(capacity));
        _buffers[value] = buffer;
        return buffer;
    }

    /// <summary>Frees its own buffers; no program may run on them any more.</summary>
    public void Free()
    {
        foreach (var buffer in _buffers.Values)
            buffer.Dispose();
        _buffers.Clear();
    }

    /// <summary>The buffer of a value.</summary>
    public NativeBuffer this[Value value] => Find(value) ?? throw new InvalidOperationException($"nothing is bound to {value}");

    private NativeBuffer? Find(Value value)
    {
        if (_buffers.TryGetValue(value, out var buffer))
            return buffer;
        foreach (var other in _others)
        {
            if (other.Find(value) is { } found)
                return found;
        }

        return null;
    }
}

/// <summary>Turns values into addresses for the kernels of one program. Without an arena the addresses are no memory at all: enough to
/// ask a kernel how much scratch memory it needs.</summary>
public sealed unsafe class Memory
{
    private readonly List<object> _kept = [];
    private readonly Plan? _plan;
    private readonly Bindings? _bindings;
    private readonly byte* _arena;

    // An aligned address that is not null: kernels that check their operands can be asked for their needs.
    private static byte* Nowhere => (byte*)ArenaLayout.Alignment;

    /// <summary>Addresses for planning: no memory behind them.</summary>
    public Memory(Counts capacity, int workers) => (Capacity, Workers) = (capacity, workers);

    /// <summary>Addresses in an arena and in bound buffers.</summary>
    public Memory(Plan plan, Bindings bindings, byte* arena)
        : this(plan.Capacity, plan.Workers)
    {
        _plan = plan;
        _bindings = bindings;
        _arena = arena;
    }

    /// <summary>Keeps something alive as long as the program's kernels.</summary>
    public void Keep(object what) => _kept.Add(what);

    /// <summary>What kernels asked to keep alive.</summary>
    internal IReadOnlyList<object> Kept => _kept;

    /// <summary>The largest counts.</summary>
    public Counts Capacity { get; }

    /// <summary>Whether there is no memory behind the addresses.</summary>
    public bool IsPlanning => _plan is null;

    /// <summary>Threads.</summary>
    public int Workers { get; }

    /// <summary>Where a value lies; null for an absent one. A frozen weight's own first byte.</summary>
    public byte* this[Value? value]
    {
        get
        {
            if (value is null)
                return null;
            if (_plan is null)
                return Nowhere;
            if (value.Weight is { } weight)
                return weight.Data;
            return value.Residence == Residence.Arena ? _arena + _plan.Offset(value) : _bindings![value].Pointer;
        }
    }

    /// <summary>Scratch memory that all threads share while one node runs.</summary>
    public byte* SharedScratch => _plan is null ? Nowhere : _arena + _plan.ValueBytes;

    /// <summary>Bytes from one thread's scratch memory to the next's.</summary>
    public long WorkerStride => _plan is null ? long.MaxValue : ArenaLayout.Align(_plan.Scratch.PerWorker);

    /// <summary>Scratch memory of one thread.</summary>
    public byte* WorkerScratch(int worker) => _plan is null
        ? Nowhere
        : SharedScratch + ArenaLayout.Align(_plan.Scratch.Shared) + worker * ArenaLayout.Align(_plan.Scratch.PerWorker);
}
