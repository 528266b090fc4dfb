using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class StoreRowsTests
{
    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Fact]
    public void Writes_rows_to_their_slots_and_leaves_the_other_slots_alone()
    {
        using var harness = new Harness(new Counts { Rows = 3, CachedRows = 4 });
        var cache = harness.Input("cache", Dimension.CachedRows, 1, DType.F64, [10, 11, 12, 13]);
        harness.Add(new StoreRows(cache), harness.Input("x", Dimension.Rows, 1, DType.F64, [1, 2, 3]), harness.Ints("slots", Dimension.Rows, 1, 3, -1, 0));

        Assert.Equal([3, 11, 12, 1], harness.Run()[cache]);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var dim in new[] { 1, 33, 256 })
        {
            using var harness = new Harness(new Counts { Rows = rows, CachedRows = 2 * rows + 1 }, type);
            var cache = harness.Input("cache", Dimension.CachedRows, dim);
            harness.Add(new StoreRows(cache), harness.Input("x", Dimension.Rows, dim), harness.Ints("slots", Dimension.Rows, 1, Enumerable.Range(0, rows).Select(i => i % 3 == 1 ? -1 : 2 * rows - 2 * i)));

            Agreement.WithReference(backend, harness);
        }
    }
}
