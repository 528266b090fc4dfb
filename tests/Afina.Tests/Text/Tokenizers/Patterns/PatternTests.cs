using Afina.Text.Tokenizers.Patterns;
using Xunit;

namespace Afina.Tests.Text.Tokenizers.Patterns;

/// <summary>Expected pieces are those of Oniguruma 6 for the same pattern and text.</summary>
public sealed class PatternTests
{
    private const string Llama3 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    [Theory]
    [InlineData(Llama3, "I'LL go", "I|'LL| go")]
    [InlineData(Llama3, "😀abc", "😀abc")]
    [InlineData(Llama3, "𝒳𝒴z", "𝒳𝒴z")]
    [InlineData(Llama3, "𝟘𝟙12", "𝟘𝟙1|2")]
    [InlineData(Llama3, "a  b", "a| | b")]
    [InlineData("(?i:'s)", "x'ſ", "'ſ")]
    [InlineData("(?i)[^a-z]s", "Ls!S", "!S")]
    [InlineData("(?i)straße", "STRASSE STRAßE", "STRAßE")]
    [InlineData(@"\w+", "a½\u09F4ⓐ\u0301_", "a½|ⓐ\u0301_")]
    [InlineData(@"a++b", "aaab", "aaab")]
    [InlineData(@"a++ab", "aaab", "")]
    [InlineData(@"\p{N}{1,3}+", "12345", "12345")]
    [InlineData(@"a{2}?", "aab", "aa|")]
    [InlineData(@"^b$", "a\nb\nc", "b")]
    [InlineData(@"(?<=a)b", "abcb", "b")]
    [InlineData(@"(?<!a)b", "abcb", "b")]
    [InlineData(@"[a-z&&[^aeiou]]+", "hello", "h|ll")]
    [InlineData(@"[[:alpha:]]+", "ab1c", "ab|c")]
    [InlineData(@"\h+", "xyzff0", "ff0")]
    [InlineData(@"\p{Han}+", "ab漢字c", "漢字")]
    [InlineData(@"\P{L}+", "ab12c", "12")]
    [InlineData(@"\p{^L}+", "ab12c", "12")]
    [InlineData(@"(?:ab|a)(?:c|bd)", "abd", "abd")]
    [InlineData(@"(?>ab|a)bd", "abd", "")]
    [InlineData(@"a.*?c", "abcabc", "abc|abc")]
    [InlineData(@"(?:a*)*b", "aab", "aab")]
    [InlineData(@"(?x) a  b # c", "ab", "ab")]
    [InlineData(@"\bx\b", "x xx x", "x|x")]
    public void Matches_are_those_of_Oniguruma(string pattern, string text, string expected)
    {
        var found = new List<string>();
        Pattern.Regex(pattern).Find(text, (start, end) => found.Add(text[start..end]));

        Assert.Equal(expected, string.Join('|', found));
    }

    [Fact]
    public void An_empty_match_directly_behind_a_match_does_not_count()
    {
        var found = new List<(int, int)>();
        Pattern.Regex("a*").Find("baac", (start, end) => found.Add((start, end)));

        Assert.Equal([(0, 0), (1, 3), (4, 4)], found);
    }

    [Theory]
    [InlineData("(")]
    [InlineData("a)")]
    [InlineData("[a")]
    [InlineData("*a")]
    [InlineData(@"\p{Nonsense}")]
    [InlineData(@"a{3,1}")]
    [InlineData(@"(a)\1")]
    [InlineData(@"a{100000}")]
    [InlineData(@"[z-a]")]
    [InlineData(@"x\")]
    public void What_is_no_pattern_is_refused_in_one_line(string pattern)
    {
        var error = Assert.Throws<InvalidDataException>(() => Pattern.Regex(pattern));

        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Deep_nesting_is_refused() => Assert.Throws<InvalidDataException>(() => Pattern.Regex(new string('(', 5000) + new string(')', 5000)));

    [Fact]
    public void A_pattern_that_backtracks_without_end_is_stopped() =>
        Assert.Throws<InvalidDataException>(() => Pattern.Regex("(?:a+)+b").Find(new string('a', 60), (_, _) => { }));

    [Theory]
    [InlineData(' ')]
    [InlineData('a')]
    [InlineData('A')]
    [InlineData('1')]
    [InlineData('\n')]
    public void A_long_run_of_one_character_takes_linear_time(char c)
    {
        var end = 0;
        Pattern.Regex(Llama3).Find(new string(c, 300_000), (_, last) => end = last);

        Assert.Equal(300_000, end);
    }
}
