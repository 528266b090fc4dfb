using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Planning;
using Afina.Engine.Tensors;

namespace Afina.Tests.Engine.Execution;

/// <summary>An operation whose kernel a test writes: the inputs' shape goes to one output.</summary>
internal sealed record Step(int Number) : Operation
{
    public override Value[] Infer(string scope, Value?[] inputs) => [new Value(scope, DType.F32, Dimension.Rows, 4)];
}

/// <summary>Kernels of <see cref="Step"/> from a test.</summary>
internal sealed class StepBackend(Func<int, Kernel> make) : Backend
{
    public override string Name => "steps";

    public override Kernel Prepare(Node node, Memory memory) => make(((Step)node.Operation).Number);
}

/// <summary>Runs an action per tile.</summary>
internal sealed class StepKernel(int phases, int tiles, Action<int, int, int> run) : Kernel
{
    public override int Phases(in Counts counts) => phases;

    public override int Tiles(int phase, in Counts counts) => tiles;

    public override void Run(int phase, int tile, int worker, in Counts counts) => run(phase, tile, worker);
}

/// <summary>A program of steps with its team and arena.</summary>
internal sealed class StepProgram : IDisposable
{
    private readonly NativeBuffer _arena;

    public StepProgram(int steps, Func<int, Kernel> make, int threads)
    {
        var graph = new Graph();
        for (var i = 0; i < steps; i++)
            graph.Add(new Step(i), $"step {i}");
        var backend = new StepBackend(make);
        Plan = backend.Plan(graph, new Counts { Rows = 8, LabelledRows = 4, Targets = 3, Segments = 2, CachedRows = 1 }, threads);
        Team = new Team(threads);
        _arena = new NativeBuffer(Plan.ArenaBytes);
        Executor = new Executor(Plan, backend, new Bindings(), Team, _arena);
    }

    public Plan Plan { get; }

    public Team Team { get; }

    public Executor Executor { get; }

    public void Dispose()
    {
        Team.Dispose();
        _arena.Dispose();
    }
}
