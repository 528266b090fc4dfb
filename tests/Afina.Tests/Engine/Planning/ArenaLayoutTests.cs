using Afina.Engine.Graphs;
using Afina.Engine.Planning;
using Afina.Engine.Tensors;
using CsCheck;
using Xunit;

namespace Afina.Tests.Engine.Planning;

public sealed class ArenaLayoutTests
{
    private static readonly Gen<(int First, int Length, int Columns)[]> Lives =
        Gen.Select(Gen.Int[0, 20], Gen.Int[0, 8], Gen.Int[0, 300], (first, length, columns) => (first, length, columns)).Array[0, 40];

    [Fact]
    public void Values_that_live_at_once_never_overlap_and_lie_aligned_inside_the_block() => Lives.Sample(drawn =>
    {
        var lives = drawn.Select((life, i) => new Life(new Value($"v{i}", DType.F32, 1, life.Columns), life.First, life.First + life.Length)).ToList();
        var (offsets, bytes) = ArenaLayout.Place(lives, value => value.Bytes(default));

        Assert.Equal(lives.Count, offsets.Count);
        for (var i = 0; i < lives.Count; i++)
        {
            var (start, end) = Place(lives[i]);
            Assert.True(start >= 0 && start % ArenaLayout.Alignment == 0 && end <= bytes);
            for (var j = 0; j < i; j++)
            {
                var other = Place(lives[j]);
                var together = lives[i].First <= lives[j].Last && lives[j].First <= lives[i].Last;
                Assert.False(together && start < other.End && other.Start < end, $"{lives[i]} at {start} meets {lives[j]} at {other.Start}");
            }
        }

        (long Start, long End) Place(Life life) => (offsets[life.Value], offsets[life.Value] + life.Value.Bytes(default));
    }, iter: 500);

    [Fact]
    public void Values_that_follow_each_other_share_their_place()
    {
        var lives = Enumerable.Range(0, 10).Select(i => new Life(new Value($"v{i}", DType.F32, 1, 16), 2 * i, 2 * i + 1)).ToList();

        Assert.Equal(64, ArenaLayout.Place(lives, value => value.Bytes(default)).Bytes);
    }

    [Fact]
    public void A_chain_needs_room_for_two_values_at_a_time()
    {
        var lives = Enumerable.Range(0, 10).Select(i => new Life(new Value($"v{i}", DType.F32, 1, 16), i, i + 1)).ToList();

        Assert.Equal(128, ArenaLayout.Place(lives, value => value.Bytes(default)).Bytes);
    }
}
