using Afina.Data.Packing;
using Afina.Engine.Ops;
using CsCheck;
using Xunit;

namespace Afina.Tests.Data;

public sealed class StepPackerTests
{
    private const int Capacity = 40;

    /// <summary>Examples over few tokens with long common beginnings, as the rows of a task have them.</summary>
    private static readonly Gen<Sequence[]> Examples =
        from stems in Gen.Int[0, 2].Array[1, 12].Array[1, 3]
        from examples in Gen.Select(Gen.Int[0, stems.Length - 1], Gen.Int[0, 12], Gen.Int[0, 3].Array[0, 12], Gen.Bool.Array[24]).Array[1, 30]
        select examples.Select(example =>
        {
            var (stem, kept, tail, trained) = example;
            int[] tokens = [.. stems[stem].Take(kept), .. tail];
            return Sequence.Of(tokens, [.. tokens.Select((token, i) => trained[i] ? token : -100)]);
        }).ToArray();

    private static List<(string Context, int Token, float Weight, int Owner)> Wanted(IReadOnlyList<Sequence> sequences) =>
    [
        .. sequences.SelectMany((sequence, owner) => sequence.Targets.Select(target =>
            (string.Join(' ', sequence.Tokens[..(target.Position + 1)].ToArray()), target.Token, target.Weight, owner))).Order(),
    ];

    private static List<(string Context, int Token, float Weight, int Owner)> Got(IEnumerable<MicroBatch> batches)
    {
        var found = new List<(string, int, float, int)>();
        foreach (var batch in batches)
        {
            for (var i = 0; i < batch.Targets.Length; i++)
                found.Add((string.Join(' ', Context(batch, batch.Targets[i].Row)), batch.Targets[i].Token, batch.Targets[i].Weight, batch.Owners[i]));
        }

        return [.. found.Order()];
    }

    /// <summary>What a row sees, itself last: its segment's earlier rows and its ancestors'.</summary>
    private static IEnumerable<int> Context(MicroBatch batch, int row)
    {
        var segment = batch.Segments.Single(candidate => candidate.Start <= row && row < candidate.Start + candidate.Length);
        IEnumerable<int> seen = batch.Tokens[segment.Start..(row + 1)];
        for (; segment.Parent >= 0; seen = batch.Tokens[segment.Start..(segment.Start + segment.Length)].Concat(seen))
            segment = batch.Segments[segment.Parent];
        return seen;
    }

    [Fact]
    public void Every_context_predicts_what_it_did_alone_with_and_without_sharing() => Examples.Sample(examples =>
    {
        foreach (var least in (int[])[0, 1, 3])
            Assert.Equal(Wanted(examples), Got(new StepPacker(new PackingLimits(Capacity, least)).Pack(examples)));
    }, iter: 500);

    [Fact]
    public void Segments_cover_each_row_once_within_the_capacity_and_positions_follow_the_parents() => Examples.Sample(examples =>
    {
        var limits = new PackingLimits(Capacity, 3, Targets: 30, Segments: 6);
        foreach (var batch in new StepPacker(limits).Pack(examples))
        {
            Assert.InRange(batch.Tokens.Length, 1, limits.Rows);
            Assert.InRange(batch.Targets.Length, 1, limits.Targets);
            Assert.InRange(batch.Segments.Length, 1, limits.Segments);
            var row = 0;
            for (var i = 0; i < batch.Segments.Length; i++)
            {
                var segment = batch.Segments[i];
                Assert.Equal(row, segment.Start);
                Assert.True(segment.Length > 0 && segment.Parent < i);
                Assert.Equal(segment.Parent < 0 ? 0 : batch.Segments[segment.Parent].FirstPosition + batch.Segments[segment.Parent].Length, segment.FirstPosition);
                row += segment.Length;
            }

            Assert.Equal(batch.Tokens.Length, row);
            Assert.Equal(batch.Targets.Select(target => target.Row).Order(), batch.Targets.Select(target => target.Row));
        }
    }, iter: 500);

    [Fact]
    public void Without_sharing_every_needed_token_is_a_row_once_and_sharing_needs_no_more() => Examples.Sample(examples =>
    {
        var alone = new StepPacker(new PackingLimits(Capacity, 0)).Pack(examples);
        Assert.Equal(examples.Sum(example => example.Tokens.Length), alone.Sum(batch => batch.Tokens.Length));
        Assert.Equal(examples.SelectMany(example => example.Tokens.ToArray()).Order(), alone.SelectMany(batch => batch.Tokens).Order());
        Assert.Equal(Enumerable.Range(0, examples.Length).Where(i => examples[i].Targets.Count > 0), alone.SelectMany(batch => batch.Sequences).Order());
        Assert.True(new StepPacker(new PackingLimits(Capacity, 3)).Pack(examples).Sum(batch => batch.Tokens.Length) <= alone.Sum(batch => batch.Tokens.Length));
    }, iter: 500);

    [Fact]
    public void The_sequences_of_a_group_share_a_micro_batch() => Examples.Sample(examples =>
    {
        int[] groups = [.. Enumerable.Range(0, examples.Length).Select(i => i / 2)];
        var batches = new StepPacker(new PackingLimits(2 * Capacity, 3)).Pack(examples, groups);
        Assert.Equal(Wanted(examples), Got(batches));
        foreach (var group in groups.Distinct())
            Assert.True(batches.Count(batch => batch.Sequences.Any(sequence => groups[sequence] == group)) <= 1);
    }, iter: 200);

    [Fact]
    public void A_shared_prompt_is_one_segment_whose_last_row_predicts_the_first_token_of_each_answer()
    {
        Sequence[] pair = [Sequence.OfAnswer([1, 2, 3, 4], [5, 6]), Sequence.OfAnswer([1, 2, 3, 4], [7, 8, 9])];
        var batch = Assert.Single(new StepPacker(new PackingLimits(100, 4)).Pack(pair, [0, 0]));
        Assert.Equal([1, 2, 3, 4, 5, 7, 8], batch.Tokens);
        Assert.Equal([new Segment(0, 4), new Segment(4, 1, 0, 4), new Segment(5, 2, 0, 4)], batch.Segments);
        Assert.Equal([new Target(3, 5, 1), new Target(3, 7, 1), new Target(4, 6, 1), new Target(5, 8, 1), new Target(6, 9, 1)], batch.Targets);
        Assert.Equal([0, 1, 0, 1, 1], batch.Owners);
    }

    [Fact]
    public void Prefixes_nest_where_that_saves_rows()
    {
        int[] stem = [.. Enumerable.Range(100, 20)];
        int[] deeper = [.. stem, .. Enumerable.Range(200, 20)];
        Sequence[] examples = [Sequence.OfAnswer(deeper, [1]), Sequence.OfAnswer(deeper, [2, 3]), Sequence.OfAnswer(stem, [4, 5])];
        var batch = Assert.Single(new StepPacker(new PackingLimits(100)).Pack(examples));
        Assert.Equal(20 + 20 + 1 + 1, batch.Tokens.Length);
        Assert.Equal(3 + 1, batch.Segments.Length);
        Assert.Equal(2, batch.Segments.Count(segment => segment.Parent == 0));
    }

    [Fact]
    public void Rows_after_the_last_target_are_left_out_and_an_example_without_targets_takes_no_place()
    {
        Assert.Equal([1, 2], Sequence.Of((int[])[1, 2, 3, 4], [-100, -100, 3, -100]).Tokens.ToArray());
        Assert.Empty(new StepPacker(new PackingLimits(10)).Pack([Sequence.Of((int[])[1, 2], [1, -100])]));
    }

    [Fact]
    public void An_example_larger_than_a_micro_step_is_refused_in_words() =>
        Assert.Contains("does not fit into a micro-step of 3 rows", Assert.Throws<ArgumentException>(() => new StepPacker(new PackingLimits(3)).Pack([Sequence.OfAnswer([1, 2, 3, 4], [5])])).Message);
}
