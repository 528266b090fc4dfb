using Afina.Adapters.Targeting;
using Xunit;

namespace Afina.Tests.Adapters.Targeting;

public sealed class PythonRegexTests
{
    [Theory]
    [InlineData("q|qkv", "qkv", true)]
    [InlineData("q", "qkv", false)]
    [InlineData(@"(?P<side>q|v)_(?P=side)", "q_q", true)]
    [InlineData(@"(?P<side>q|v)_(?P=side)", "q_v", false)]
    [InlineData(@"a{,2}b", "aab", true)]
    [InlineData(@"a{,2}b", "aaab", false)]
    [InlineData(@"[]x]+", "]x", true)]
    [InlineData(@"[^]x]+", "ab", true)]
    [InlineData(@"[a-z-[aeiou]]", "b]", true)]
    [InlineData(@"q\Z", "q", true)]
    [InlineData(@"a\.b", "a.b", true)]
    [InlineData(@"(?i:Q)_proj", "q_proj", true)]
    [InlineData("q", "q\n", false)]
    public void FullMatchesAreThoseOfPython(string pattern, string text, bool match) => Assert.Equal(match, PythonRegex.Full(pattern).IsMatch(text));

    [Theory]
    [InlineData("(q")]
    [InlineData("q*+")]
    public void WhatIsNoExpressionIsRefusedInOneLine(string pattern)
    {
        var error = Assert.Throws<FormatException>(() => PythonRegex.Full(pattern));
        Assert.StartsWith($"'{pattern}' is no regular expression", error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void AnExpressionThatNeverEndsIsStopped() =>
        Assert.Throws<FormatException>(() => PythonRegex.Full("(a+)+b").IsMatch(new string('a', 60)));
}
