using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Planning;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Planning;

public sealed class PlanTests
{
    [Fact]
    public void The_arena_holds_the_values_at_capacity_and_the_largest_scratch_of_any_node()
    {
        var plan = Make(new Counts { Rows = 10 }, 3);

        Assert.Equal(ArenaLayout.Align(10 * 5 * 4), plan.ValueBytes);
        Assert.Equal(new Scratch(100, 30), plan.Scratch);
        Assert.Equal(plan.ValueBytes + 128 + 3 * 64, plan.ArenaBytes);
    }

    [Fact]
    public void A_person_can_read_what_each_step_reads_and_writes()
    {
        var lines = Make(new Counts { Rows = 10, Targets = 4 }, 1).ToString().Split(Environment.NewLine);

        Assert.StartsWith("2 steps; arena", lines[0], StringComparison.Ordinal);
        Assert.Contains("10 rows", lines[0], StringComparison.Ordinal);
        Assert.Equal("   0       Sum                a", lines[1]);
        Assert.Equal("           reads  x [rows, 5] F32", lines[2]);
        Assert.Equal("           writes a [rows, 5] F32 @0", lines[3]);
    }

    private static Plan Make(Counts capacity, int workers)
    {
        var graph = new Graph();
        var x = new Value("x", DType.F32, Dimension.Rows, 5, Residence.Bound);
        graph.Add(new Sum(DType.F32), "a", x);
        graph.Add(new Sum(DType.F32), "b", x);
        return Plan.Make(graph, capacity, workers, node => node.Scope == "a" ? new Scratch(100, 10) : new Scratch(50, 30));
    }
}
