using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Reference;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Execution;

public sealed class ExecutorTests
{
    public static TheoryData<int, int, int, int, int> TooMany => new()
    {
        { 9, 0, 0, 0, 0 },
        { 0, 5, 0, 0, 0 },
        { 0, 0, 4, 0, 0 },
        { 0, 0, 0, 3, 0 },
        { 0, 0, 0, 0, 2 },
    };

    [Theory]
    [MemberData(nameof(TooMany))]
    public void Counts_above_the_capacity_are_refused(int rows, int labelled, int targets, int segments, int cached)
    {
        var ran = false;
        using var program = new StepProgram(1, _ => new StepKernel(1, 1, (_, _, _) => ran = true), 1);
        var counts = new Counts { Rows = rows, LabelledRows = labelled, Targets = targets, Segments = segments, CachedRows = cached };

        Assert.Contains("above the planned", Assert.Throws<ArgumentException>(() => program.Executor.Run(counts)).Message, StringComparison.Ordinal);
        Assert.False(ran);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Each_tile_runs_once_and_phases_and_steps_follow_each_other(int threads)
    {
        var done = new int[3 * 2];
        var early = 0;
        using var program = new StepProgram(3, step => new StepKernel(2, 7, (phase, _, _) =>
        {
            var stage = 2 * step + phase;
            if (stage > 0 && Volatile.Read(ref done[stage - 1]) % 7 != 0)
                Interlocked.Increment(ref early);
            Interlocked.Increment(ref done[stage]);
        }), threads);
        for (var run = 1; run <= 5; run++)
        {
            program.Executor.Run(default);
            Assert.All(done, tiles => Assert.Equal(7 * run, tiles));
        }

        Assert.Equal(0, early);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_part_of_the_steps_runs_alone(int threads)
    {
        var done = new int[3];
        using var program = new StepProgram(3, step => new StepKernel(1, 7, (_, _, _) => Interlocked.Increment(ref done[step])), threads);

        program.Executor.Run(default, ..2);
        Assert.Equal([7, 7, 0], done);
        program.Executor.Run(default, 2..);
        Assert.Equal([7, 7, 7], done);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_failing_kernel_raises_and_the_team_works_on(int threads)
    {
        var (fails, tiles) = (true, 0);
        using var program = new StepProgram(2, step => new StepKernel(1, 8, (_, tile, _) =>
        {
            Interlocked.Increment(ref tiles);
            if (fails && step == 0 && tile % 2 == 1)
                throw new InvalidDataException("the disk is gone");
        }), threads);

        var error = Assert.Throws<InvalidOperationException>(() => program.Executor.Run(default));
        Assert.Contains("the disk is gone", error.Message, StringComparison.Ordinal);
        Assert.IsType<InvalidDataException>(error.InnerException);

        (fails, tiles) = (false, 0);
        program.Executor.Run(default);
        Assert.Equal(16, tiles);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_kernel_that_cannot_count_its_tiles_raises_too(int threads)
    {
        using var program = new StepProgram(2, _ => new Uncountable(), threads);

        Assert.Throws<InvalidOperationException>(() => program.Executor.Run(default));
        Assert.Throws<InvalidOperationException>(() => program.Executor.Run(default));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Nothing_is_allocated_while_a_program_runs(int threads)
    {
        // What each thread has allocated so far, noted by the thread itself at the last phase of a run.
        var (allocated, before) = (new long[threads], new long[threads]);
        using var program = new StepProgram(4, step => new StepKernel(2, 5, (_, _, worker) =>
        {
            if (step == 3)
                allocated[worker] = GC.GetAllocatedBytesForCurrentThread();
        }), threads);
        for (var i = 0; i < 10; i++)
            program.Executor.Run(default);
        allocated.CopyTo(before, 0);
        var callerBefore = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 30; i++)
            program.Executor.Run(default);
        var caller = GC.GetAllocatedBytesForCurrentThread() - callerBefore;

        Assert.Equal(0, caller);
        for (var worker = 0; worker < threads; worker++)
        {
            if (before[worker] != 0)
                Assert.Equal(before[worker], allocated[worker]);
        }
    }

    [Fact]
    public void Results_and_bound_values_can_be_read_and_others_cannot()
    {
        var graph = new Graph();
        var counts = new Counts { Rows = 2 };
        var x = new Value("x", DType.F32, Dimension.Rows, 1, Residence.Bound);
        var hidden = graph.Add(new Sum(DType.F32), "hidden", x, x)[0];
        var result = graph.Add(new Sum(DType.F32), "result", hidden, x)[0];
        graph.Results.Add(result);
        var bindings = new Bindings();
        bindings.Allocate(x, counts);
        var backend = new ReferenceBackend();
        var plan = backend.Plan(graph, counts, 1);
        using var team = new Team(1);
        using var arena = new NativeBuffer(plan.ArenaBytes);
        var executor = new Executor(plan, backend, bindings, team, arena);
        new float[] { 1, 2 }.CopyTo(executor.Read<float>(x, counts));
        executor.Run(counts);

        Assert.Equal([1, 2], executor.Read<float>(x, counts));
        Assert.Equal([3, 6], executor.Read<float>(result, counts));
        Assert.Equal([3], executor.Read<float>(result, counts with { Rows = 1 }));
        Assert.Throws<ArgumentException>(() => executor.Read<float>(hidden, counts));
        Assert.Throws<ArgumentException>(() => executor.Read<double>(result, counts));
        Assert.Throws<ArgumentException>(() => executor.Read<float>(result, counts with { Rows = 3 }));
    }

    [Fact]
    public void An_arena_or_a_team_that_does_not_fit_the_plan_is_refused()
    {
        using var program = new StepProgram(1, _ => new StepKernel(1, 1, (_, _, _) => { }), 1);
        var backend = new StepBackend(_ => new StepKernel(1, 1, (_, _, _) => { }));
        using var small = new NativeBuffer(program.Plan.ArenaBytes - 1);
        using var arena = new NativeBuffer(program.Plan.ArenaBytes);
        using var team = new Team(2);

        Assert.Throws<ArgumentException>(() => new Executor(program.Plan, backend, new Bindings(), program.Team, small));
        Assert.Throws<ArgumentException>(() => new Executor(program.Plan, backend, new Bindings(), team, arena));
    }

    [Fact]
    public void A_profile_has_the_time_of_each_step()
    {
        using var program = new StepProgram(2, step => new StepKernel(1, 1, (_, _, _) => Thread.Sleep(step * 5)), 1);
        program.Executor.Profile = new Profile(program.Plan);
        program.Executor.Run(default);

        Assert.True(program.Executor.Profile.Seconds(1) >= 0.004);
        var (operation, nodes, seconds, _) = Assert.Single(program.Executor.Profile.ByOperation());
        Assert.Equal(("Step", 2), (operation, nodes));
        Assert.True(seconds >= 0.004);
    }

    private sealed class Uncountable : Kernel
    {
        public override int Tiles(int phase, in Counts counts) => throw new InvalidDataException("no tiles");

        public override void Run(int phase, int tile, int worker, in Counts counts)
        {
        }
    }
}
