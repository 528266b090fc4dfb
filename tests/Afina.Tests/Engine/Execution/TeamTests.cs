using System.Diagnostics;
using Afina.Engine.Execution;
using Xunit;

namespace Afina.Tests.Engine.Execution;

public sealed class TeamTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(0.5);

    [Theory(Timeout = 60_000)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public Task Thousands_of_tiny_programs_run_without_hanging(int threads) => Task.Run(() =>
    {
        var tiles = 0;
        using var program = new StepProgram(2, _ => new StepKernel(1, 3, (_, _, _) => Interlocked.Increment(ref tiles)), threads);
        var (clock, runs) = (Stopwatch.StartNew(), 0);

        // A busy machine may not get through all of them in time.
        while (runs < 10_000 && clock.Elapsed < Limit)
        {
            program.Executor.Run(default);
            runs++;
        }

        Assert.Equal(6 * runs, tiles);
    }, TestContext.Current.CancellationToken);

    [Theory(Timeout = 60_000)]
    [InlineData(0, 1)]
    [InlineData(3, 0)]
    public Task Programs_without_any_work_alternate_with_others(int steps, int phases) => Task.Run(() =>
    {
        var tiles = 0;
        using var program = new StepProgram(2, _ => new StepKernel(1, 3, (_, _, _) => Interlocked.Increment(ref tiles)), 3);
        using var empty = new StepProgram(steps, _ => new StepKernel(phases, 1, (_, _, _) => Interlocked.Increment(ref tiles)), 3);
        var (clock, runs) = (Stopwatch.StartNew(), 0);
        while (runs < 2000 && clock.Elapsed < Limit)
        {
            program.Team.Run(empty.Executor);
            program.Team.Run(program.Executor);
            runs++;
        }

        Assert.Equal(6 * runs, tiles);
    }, TestContext.Current.CancellationToken);

    [Fact(Timeout = 60_000)]
    public Task Threads_that_have_parked_wake_up_and_disposing_ends_them() => Task.Run(() =>
    {
        var tiles = 0;
        var program = new StepProgram(1, _ => new StepKernel(3, 4, (phase, tile, _) =>
        {
            if (tile == 0 && phase == 1)
                Thread.Sleep(20);
            Interlocked.Increment(ref tiles);
        }), 3);
        for (var run = 0; run < 3; run++)
        {
            Thread.Sleep(20);
            program.Executor.Run(default);
        }

        Thread.Sleep(20);
        program.Dispose();
        program.Team.Dispose();
        Assert.Equal(36, tiles);
    }, TestContext.Current.CancellationToken);

    [Fact]
    public void A_team_has_at_least_the_caller() => Assert.Throws<ArgumentOutOfRangeException>(() => new Team(0));
}
