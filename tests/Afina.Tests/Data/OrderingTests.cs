using System.Text.Json.Nodes;
using Afina.Data;
using Afina.Data.Ordering;
using Xunit;

namespace Afina.Tests.Data;

public sealed class OrderingTests
{
    [Fact]
    public void An_epoch_is_a_permutation_that_seed_and_epoch_fix()
    {
        var order = new EpochOrder(100, seed: 7);
        Assert.Equal(Enumerable.Range(0, 100), order.Of(3).Order());
        Assert.Equal(order.Of(3), new EpochOrder(100, seed: 7).Of(3));
        Assert.NotEqual(order.Of(3), order.Of(4));
        Assert.NotEqual(order.Of(3), new EpochOrder(100, seed: 8).Of(3));
        Assert.Equal(Enumerable.Range(0, 5), new EpochOrder(5, seed: 7, shuffle: false).Of(9));
    }

    [Fact]
    public void The_order_is_pinned_so_that_old_checkpoints_resume() =>
        Assert.Equal("5 4 7 6 3 0 2 1", string.Join(' ', new EpochOrder(8, seed: 42).Of(0)));

    [Fact]
    public void Taking_goes_on_from_a_stored_position_and_never_over_the_end_of_an_epoch()
    {
        var order = new EpochOrder(10, seed: 1);
        var position = default(DataPosition);
        List<int> all = [.. order.Take(ref position, 4), .. order.Take(ref position, 4)];
        Assert.Equal(new DataPosition(0, 8), position);
        var resumed = position;
        all.AddRange(new EpochOrder(10, seed: 1).Take(ref resumed, 4));
        Assert.Equal(order.Of(0), all);
        Assert.Equal(new DataPosition(1, 0), resumed);
        Assert.Equal(order.Of(1).Take(4), order.Take(ref resumed, 4));
    }

    [Fact]
    public void A_weight_says_how_often_a_row_is_seen_and_a_fraction_takes_another_part_each_epoch()
    {
        var order = new EpochOrder([(10, 2), (20, 0.5)], seed: 1);
        Assert.Equal(30, order.Length);
        Assert.All(Enumerable.Range(0, 10), index => Assert.Equal(2, order.Of(0).Count(seen => seen == index)));
        Assert.Equal(10, order.Of(0).Where(index => index >= 10).Distinct().Count());
        Assert.NotEqual(order.Of(0).Where(index => index >= 10).Order(), order.Of(1).Where(index => index >= 10).Order());
    }

    private static Row[] Rows(params int[] values) => [.. values.Select((value, i) => new Row(new JsonObject { ["text"] = value }, "a.jsonl", i + 1))];

    [Fact]
    public void The_same_row_is_never_on_both_sides_of_a_split()
    {
        var rows = Rows([.. Enumerable.Range(0, 200).Select(i => i % 50)]);
        var (train, held) = HeldOut.Split(rows, 0.1, seed: 3);
        Assert.Equal(20, held.Count);
        Assert.Equal(200, train.Count + held.Count);
        Assert.Empty(train.Select(row => row.Columns.ToJsonString()).Intersect(held.Select(row => row.Columns.ToJsonString())));
        Assert.Equal(held.Select(row => row.Line), HeldOut.Split(rows, 0.1, seed: 3).Held.Select(row => row.Line));
    }

    [Fact]
    public void A_split_takes_a_share_or_a_number_and_leaves_something_to_train_on()
    {
        Assert.Equal(7, HeldOut.Split(Rows([.. Enumerable.Range(0, 50)]), 7, seed: 0).Held.Count);
        Assert.Empty(HeldOut.Split(Rows(1, 2), 0, seed: 0).Held);
        Assert.Single(HeldOut.Split(Rows([.. Enumerable.Range(0, 9)]), 0.01, seed: 0).Held);
        Assert.Contains("leaves none", Assert.Throws<ArgumentException>(() => HeldOut.Split(Rows(1, 1, 1), 1, seed: 0)).Message);
    }
}
