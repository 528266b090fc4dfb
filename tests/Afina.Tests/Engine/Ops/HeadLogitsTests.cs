using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class HeadLogitsTests
{
    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Fact]
    public void Scales_then_caps_the_product_with_the_head()
    {
        using var harness = new Harness(new Counts { LabelledRows = 1 });
        var logits = harness.Add(new HeadLogits(new LossOptions(0.5f, 3)), harness.Input("x", Dimension.LabelledRows, 2, DType.F64, [1, 2]), harness.Frozen("w", 2, 2, 1, 2, 4, -3))[0];

        Agreement.AssertClose([3 * Math.Tanh(2.5 / 3), 3 * Math.Tanh(-1.0 / 3)], harness.Run()[logits], 1e-12);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var (dim, vocabulary, format) in new (int, int, BlockFormat)[] { (1, 1, BlockFormats.F32), (33, 97, BlockFormats.F32), (64, 700, BlockFormats.BF16), (256, 300, BlockFormats.Q6_K) })
        {
            using var harness = new Harness(new Counts { LabelledRows = rows }, type);
            harness.Add(new HeadLogits(new LossOptions(0.5f, dim == 33 ? 2 : 0)), harness.Input("x", Dimension.LabelledRows, dim), harness.Frozen("w", vocabulary, dim, format));
            Agreement.WithReference(backend, harness, (type == DType.BF16 ? 0.01 : 2e-6) * Math.Sqrt(dim), type == DType.BF16 ? 0.01 : 2e-5);
        }
    }
}
