using Afina.Data;
using Afina.Data.Packing;
using CsCheck;
using Xunit;

namespace Afina.Tests.Data;

public sealed class RowPackingTests
{
    private static TokenizedExample Example(params int[] tokens) => new(tokens, tokens, "a.jsonl", 1);

    private static string Lengths(int capacity, RowPackingStrategy strategy, params int[] lengths) => string.Join(" | ",
        RowPacking.Pack([.. lengths.Select(length => Example(new int[length]))], capacity, strategy)
            .Select(row => row.Lengths is null ? $"{row.Tokens.Length}" : string.Join(' ', row.Lengths)));

    [Fact]
    public void Best_fit_decreasing_takes_the_fullest_row_that_still_fits() => Assert.Equal("5 3 | 4 3 1 | 2", Lengths(8, RowPackingStrategy.Bfd, 5, 4, 3, 3, 2, 1));

    [Fact]
    public void Longer_documents_are_cut_or_go_on_as_further_documents()
    {
        Assert.Equal("4 | 3 1 | 2", Lengths(4, RowPackingStrategy.Bfd, 5, 2, 3, 1));
        Assert.Equal("4 | 3 1 | 2 1", Lengths(4, RowPackingStrategy.BfdSplit, 5, 2, 3, 1));
        Assert.Equal("4 | 4 | 3", Lengths(4, RowPackingStrategy.Wrapped, 5, 2, 3, 1));
    }

    [Fact]
    public void Splitting_and_wrapping_keep_every_token_once_and_no_row_is_too_long() => Gen.Int[0, 20].Array[0, 40].Sample(lengths =>
    {
        var next = 0;
        var examples = lengths.Select(length => Example([.. Enumerable.Range(0, length).Select(_ => next++)])).ToList();
        foreach (var strategy in (RowPackingStrategy[])[RowPackingStrategy.BfdSplit, RowPackingStrategy.Wrapped])
        {
            var rows = RowPacking.Pack(examples, 8, strategy);
            Assert.Equal(Enumerable.Range(0, next), rows.SelectMany(row => row.Tokens).Order());
            Assert.All(rows, row => Assert.InRange(row.Tokens.Length, 1, 8));
            Assert.All(rows, row => Assert.Equal(row.Tokens.Length, row.Lengths?.Sum() ?? row.Tokens.Length));
        }
    }, iter: 300);
}
