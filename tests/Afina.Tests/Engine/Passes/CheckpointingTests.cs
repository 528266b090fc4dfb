using Afina.Engine.Passes;
using Afina.Engine.Reference;
using Afina.Engine.Tensors;
using Afina.Tests.Engine.Ops;
using Xunit;
using With = Afina.Tests.Engine.Passes.DecoderParts;

namespace Afina.Tests.Engine.Passes;

public sealed class CheckpointingTests
{
    public static TheoryData<With> Kinds => TinyDecoder.Kinds;

    public static TheoryData<string, DType, int> Runs => Backends.With(9);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Computing_again_changes_no_bit(With with)
    {
        using var harness = TinyDecoder.Build(with, DType.F64, out var scores);
        var graph = DeadRows.Remove(harness.Graph);
        Gradients.Append(graph, scores[0]);
        var expected = TinyDecoder.Run(harness, graph);

        foreach (var policy in Enum.GetValues<Checkpoint>())
        {
            var actual = TinyDecoder.Run(harness, Checkpointing.Rewrite(TinyDecoder.Copy(graph), policy));
            foreach (var value in expected.Values)
                Assert.Equal(expected.Bytes(value), actual.Bytes(value));
        }
    }

    [Fact]
    public void The_less_is_kept_the_smaller_is_the_arena()
    {
        using var harness = TinyDecoder.Build(With.SumResidual | With.Dropout, DType.F64, out var scores);
        Gradients.Append(harness.Graph, scores[0]);
        var capacity = harness.Capacity with { Rows = 1000, LabelledRows = 1000 };
        var bytes = Enum.GetValues<Checkpoint>().Select(policy => new ReferenceBackend().Plan(Checkpointing.Rewrite(TinyDecoder.Copy(harness.Graph), policy), capacity, 1).ValueBytes).ToArray();

        Assert.True(bytes[0] > bytes[1] && bytes[1] > bytes[2], string.Join(" ", bytes));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Gradients_of_a_whole_decoder_are_those_of_finite_differences(With with)
    {
        using var harness = TinyDecoder.Build(with, DType.F64, out var scores);
        var weights = harness.Read(harness.Named("weights"));
        harness.Use(DeadRows.Remove(harness.Graph));
        Gradients.Append(harness.Graph, scores[0]);
        harness.Use(Checkpointing.Rewrite(harness.Graph, Checkpoint.Layers));

        Agreement.WithFiniteDifferences(harness, outputs => -outputs[scores[0]].Zip(weights, (logp, weight) => logp * weight).Sum(), 1e-5);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void A_whole_decoder_agrees_with_the_reference_on_every_backend(string backend, DType type, int rows)
    {
        Assert.Equal(9, rows);
        foreach (var with in new[] { With.Nothing, With.Dropout | With.HeadNorms | With.SumResidual | With.Cache })
        {
            using var harness = TinyDecoder.Build(with, type, out var scores);
            harness.Use(DeadRows.Remove(harness.Graph));
            Gradients.Append(harness.Graph, scores[0]);
            harness.Use(Checkpointing.Rewrite(harness.Graph, Checkpoint.Layers));

            Agreement.WithReference(backend, harness, type == DType.BF16 ? 0.1 : 2e-5, type == DType.BF16 ? 0.05 : 1e-4, (value, _, _) => value.Type == DType.I32);
        }
    }
}
