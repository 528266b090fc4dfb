using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Tests.Engine.Ops;

/// <summary>What a run wrote: the program's results and every bound value that a node writes.</summary>
internal sealed class Outputs
{
    private readonly Dictionary<Value, (double[] Elements, byte[] Bytes)> _contents = [];

    public IEnumerable<Value> Values => _contents.Keys;

    public double[] this[Value value] => _contents[value].Elements;

    public byte[] Bytes(Value value) => _contents[value].Bytes;

    public bool Has(Value value) => _contents.ContainsKey(value);

    internal void Add(Value value, double[] elements, byte[] bytes) => _contents[value] = (elements, bytes);
}

/// <summary>A harness's graph, planned for a backend and a team. Each run starts from the same bound contents and an arena of NaN.</summary>
internal sealed unsafe class HarnessRun : IDisposable
{
    private readonly Harness _harness;
    private readonly Team _team;
    private readonly NativeBuffer _arena;
    private readonly Executor _executor;

    public HarnessRun(Harness harness, Backend backend, int threads, Graph? graph = null)
    {
        _harness = harness;
        _team = new Team(threads);
        var plan = backend.Plan(graph ?? harness.Graph, harness.Capacity, threads);
        _arena = new NativeBuffer(plan.ArenaBytes);
        _executor = new Executor(plan, backend, harness.Bindings, _team, _arena);
    }

    /// <summary>Managed bytes that the caller's thread allocated in the last run.</summary>
    public long Allocated { get; private set; }

    public Outputs Run()
    {
        var before = _harness.Bound.Select(bound => new ReadOnlySpan<byte>(bound.Buffer.Pointer, (int)bound.Buffer.Length).ToArray()).ToArray();
        new Span<byte>(_arena.Pointer, (int)_arena.Length).Fill(0xFF);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        _executor.Run(_harness.Counts);
        Allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;

        var outputs = new Outputs();
        foreach (var value in _executor.Plan.Graph.Results)
            Keep(value, _arena.Pointer + _executor.Plan.Offset(value));
        foreach (var value in _executor.Plan.Graph.Nodes.SelectMany(node => node.Outputs).Where(value => value.Residence == Residence.Bound).Distinct())
            Keep(value, _harness.Bindings[value].Pointer);
        for (var i = 0; i < before.Length; i++)
            before[i].CopyTo(new Span<byte>(_harness.Bound[i].Buffer.Pointer, before[i].Length));
        return outputs;

        void Keep(Value value, byte* data) =>
            outputs.Add(value, _harness.Elements(value, data), new ReadOnlySpan<byte>(data, (int)value.Bytes(_harness.Counts)).ToArray());
    }

    public void Dispose()
    {
        _team.Dispose();
        _arena.Dispose();
    }
}
