using Afina.Cli.Display;
using Xunit;

namespace Afina.Tests.Cli;

public sealed class WrappingTests
{
    [Theory]
    [InlineData("short", new[] { "short" })]
    [InlineData("  rows     300 train, 100 held out; 1,710 loss", new[] { "  rows     300 train, 100 held", "           out; 1,710 loss" })]
    [InlineData("a line of words without any columns here", new[] { "a line of words without any", "  columns here" })]
    [InlineData("  path  /a/very/long/path/that/has/no/spaces/at/all", new[] { "  path  /a/very/long/path/that", "        /has/no/spaces/at/all" })]
    public void Lines_break_between_words_and_go_on_under_their_last_column(string text, string[] lines) =>
        Assert.Equal(lines, Wrapping.Lines(text, 30));

    [Fact]
    public void Nothing_is_lost_and_no_line_is_too_long_at_any_width()
    {
        const string text = "  plan     0.55 GB (weights 0.10, adapter 0.08, activations 0.24, runtime 0.13)  of 22.75 free;  about 4 min";
        for (var width = 1; width < 120; width++)
        {
            var lines = Wrapping.Lines(text, width).ToList();
            Assert.All(lines, line => Assert.InRange(line.Length, 1, Math.Max(width, 20)));
            Assert.Equal(string.Concat(text.Where(c => c != ' ')), string.Concat(string.Concat(lines).Where(c => c != ' ')));
        }
    }

    [Theory]
    [InlineData("  step 1/2   loss 1.0", 80, 80)]
    [InlineData("  step 1/2   loss 1.0", 40, 40)]
    [InlineData("  step 1/2   loss 1.0", 12, 12)]
    public void A_line_that_is_drawn_anew_leaves_the_last_column_free(string line, int columns, int most)
    {
        var drawn = Spectre.Console.Markup.Remove(Bar.Before(line, 0.5, columns));

        Assert.InRange(drawn.Length, 1, most - 1);
    }
}
