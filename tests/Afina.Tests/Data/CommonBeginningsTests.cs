using Afina.Data.Packing;
using Xunit;

namespace Afina.Tests.Data;

public sealed class CommonBeginningsTests
{
    private static readonly int[] Prefix = [.. Enumerable.Range(1, 20)];

    [Fact]
    public void A_sequence_is_cut_where_the_data_set_begins_alike_whatever_is_beside_it()
    {
        Sequence[] sequences = [Of([.. Prefix, 50, 51, 52]), Of([.. Prefix, 50, 51, 53]), Of([.. Prefix, 60]), Of([7, 8, 9]), Of([.. Prefix[..18], 1, 1, 1])];
        var beginnings = new CommonBeginnings(sequences, 16);
        sequences = [.. sequences.Select(beginnings.Mark)];
        var packer = new StepPacker(new PackingLimits(100, 16));

        Assert.Equal([18, 5], Lengths(packer.Pack([sequences[0]])));
        Assert.Equal([18, 5, 5], Lengths(packer.Pack([sequences[0], sequences[1]])));
        Assert.Equal([18, 3, 5, 5, 3, 3], Lengths(packer.Pack(sequences)));
        Assert.Equal([3], Lengths(packer.Pack([sequences[3]])));
    }

    [Fact]
    public void Without_sharing_nothing_is_cut()
    {
        Sequence[] sequences = [Of([.. Prefix, 50]), Of([.. Prefix, 51])];
        var marked = sequences.Select(new CommonBeginnings(sequences, 16).Mark).ToArray();

        Assert.Equal([21, 21], Lengths(new StepPacker(new PackingLimits(100, 0)).Pack(marked)));
        Assert.Equal([20, 1, 1], Lengths(new StepPacker(new PackingLimits(100, 16)).Pack(marked)));
        Assert.All(sequences, sequence => Assert.Equal(0, new CommonBeginnings(sequences, 0).Mark(sequence).Common));
    }

    private static int[] Lengths(IReadOnlyList<MicroBatch> batches) => [.. Assert.Single(batches).Segments.Select(segment => segment.Length)];

    private static Sequence Of(params int[] tokens) => new(tokens, [new SequenceTarget(tokens.Length - 1, 1, 1)]);
}
