using Afina.Cli.Display;
using Xunit;

namespace Afina.Tests.Cli;

public sealed class DisplayTests
{
    [Theory]
    [InlineData(9, "0:09")]
    [InlineData(69.4, "1:09")]
    [InlineData(7389, "2:03:09")]
    [InlineData(double.NaN, "-:--")]
    [InlineData(-1, "-:--")]
    public void Durations_are_clocks(double seconds, string text) => Assert.Equal(text, Amount.Clock(seconds));

    [Theory]
    [InlineData(3, "about 3 s")]
    [InlineData(0, "about 1 s")]
    [InlineData(240, "about 4 min")]
    [InlineData(9000, "about 2.5 h")]
    public void Estimates_are_words(double seconds, string text) => Assert.Equal(text, Amount.About(seconds));

    [Theory]
    [InlineData("two\nlines", "two lines")]
    [InlineData("red\u001b[31m", "red[31m")]
    public void Text_from_outside_stays_on_its_line_and_commands_no_terminal(string text, string shown) => Assert.Equal(shown, OneLine.Of(text));
}
