using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Graphs;

public sealed class ValueListTests
{
    [Fact]
    public void Operations_with_equal_projections_are_equal()
    {
        var one = new Linear([new Projection(3), new Projection(2, Rank: 4)], DType.F32);
        var same = new Linear([new Projection(3), new Projection(2, Rank: 4)], DType.F32);

        Assert.Equal(one, same);
        Assert.Equal(one.GetHashCode(), same.GetHashCode());
        Assert.NotEqual(one, one with { Projections = [new Projection(3)] });
    }

    [Fact]
    public void Dimensions_take_their_numbers_from_the_counts()
    {
        var counts = new Counts { Rows = 1, LabelledRows = 2, Targets = 3, Segments = 4, CachedRows = 5 };
        Dimension[] dimensions = [7, Dimension.Rows, Dimension.LabelledRows, Dimension.Targets, Dimension.Segments, Dimension.CachedRows];

        Assert.Equal([7, 1, 2, 3, 4, 5], dimensions.Select(dimension => dimension.Of(counts)));
        Assert.Equal(["7", "rows", "labelled", "targets", "segments", "cached"], dimensions.Select(dimension => dimension.ToString()));
    }
}
