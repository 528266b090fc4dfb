using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Graphs;

public sealed class WorkTests
{
    private static readonly Counts Ten = new() { Rows = 10, LabelledRows = 5, Segments = 2 };

    [Fact]
    public void A_product_counts_two_operations_for_each_pair_of_elements_with_its_low_rank_term()
    {
        var graph = new Graph();
        var (x, w) = (Value("x", 6), new Value("w", DType.F32, 7, 6, Residence.Bound));
        var (a, b) = (new Value("a", DType.F32, 2, 6, Residence.Bound), new Value("b", DType.F32, 7, 2, Residence.Bound));
        graph.Add(new Linear([new Projection(7, Rank: 2)], DType.F32), "linear", x, null, null, w, null, a, b);

        var work = graph.Nodes[0].Work(Ten, []);

        Assert.Equal(2 * 10 * ((6 * 7) + (6 * 2) + (2 * 7)), work.Flops);
        Assert.Equal(4 * (60 + 42 + 12 + 14 + 70 + 20), work.Bytes);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(3, false)]
    [InlineData(0, true)]
    public void Attention_counts_the_pairs_that_see_each_other(int window, bool someRows)
    {
        // A prefix of four rows, and six rows that follow it.
        Segment[] segments = [new(0, 4), new(4, 6, 0, 4)];
        var pairs = 0;
        foreach (var segment in segments)
        {
            for (var r = 0; r < segment.Length; r++)
                pairs += Math.Min(segment.FirstPosition + r + 1, window == 0 ? int.MaxValue : window);
        }

        var queries = new Value("q", DType.F32, someRows ? Dimension.LabelledRows : Dimension.Rows, 8);
        var flops = new AttentionOptions(2, 1, 4, 1, window).PairFlops(2, queries, Ten, segments);

        Assert.Equal(2.0 * 2 * pairs * 4 * 2 * (someRows ? 0.5 : 1), flops);
    }

    [Fact]
    public void What_computes_little_is_limited_by_its_bytes()
    {
        Assert.Equal(2, new Work(10, 400).SecondsAt(10, 200));
        Assert.Equal(5, new Work(50, 400).SecondsAt(10, 200));
        Assert.Equal(0, new Work(50, 400).SecondsAt(0, 0));
    }

    private static Value Value(string name, int columns) => new(name, DType.F32, Dimension.Rows, columns);
}
