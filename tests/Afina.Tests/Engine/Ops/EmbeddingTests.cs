using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class EmbeddingTests
{
    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Fact]
    public void Looks_up_the_row_of_each_token_and_scales_it()
    {
        using var harness = new Harness(new Counts { Rows = 3 });
        var ids = harness.Ints("ids", Dimension.Rows, 1, 2, 0, 2);
        var y = harness.Add(new Embedding(DType.F64, 10), ids, harness.Frozen("table", 3, 2, 1, 2, 3, 4, 5, 6))[0];

        Agreement.AssertClose([50, 60, 10, 20, 50, 60], harness.Run()[y]);
    }

    [Fact]
    public void Gradients_of_a_token_that_occurs_twice_sum()
    {
        using var harness = Build(DType.F64, [2, 0, 2, 3], 5, 3);

        Agreement.WithFiniteDifferences(harness);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var dim in new[] { 1, 33, 128 })
        {
            using var trained = Build(type, [.. Enumerable.Range(0, rows).Select(i => i * i % 11)], 11, dim);
            Agreement.WithReference(backend, trained);
        }

        foreach (var format in new BlockFormat[] { BlockFormats.BF16, BlockFormats.Q8_0, BlockFormats.Q4_K, BlockFormats.NF4 })
        {
            using var frozen = new Harness(new Counts { Rows = rows }, type);
            var ids = frozen.Ints("ids", Dimension.Rows, 1, Enumerable.Range(0, rows).Select(i => i * 5 % 7));
            frozen.Add(new Embedding(type, 3), ids, frozen.Frozen("table", 7, 256, format));
            Agreement.WithReference(backend, frozen);
        }
    }

    private static Harness Build(DType type, int[] ids, int vocabulary, int dim)
    {
        var harness = new Harness(new Counts { Rows = ids.Length }, type);
        return harness.Backward(harness.Add(new Embedding(type, 1.5f), harness.Ints("ids", Dimension.Rows, 1, ids), harness.Parameter("table", vocabulary, dim))[0]);
    }
}
