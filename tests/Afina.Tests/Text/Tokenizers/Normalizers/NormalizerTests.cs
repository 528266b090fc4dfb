using System.Text.Json;
using Afina.Text.Tokenizers;
using Afina.Text.Tokenizers.Normalizers;
using Xunit;

namespace Afina.Tests.Text.Tokenizers.Normalizers;

public sealed class NormalizerTests
{
    private static AlignedText Apply(string json, string text)
    {
        using var document = JsonDocument.Parse(json);
        return Normalizer.Read(document.RootElement).Apply(new AlignedText(text, 0, true));
    }

    private static string Spans(AlignedText text) => string.Join(' ', Enumerable.Range(0, text.Length).Select(unit => $"{text.StartOf(unit)}-{text.EndOf(unit)}"));

    [Theory]
    [InlineData("NFD", "é", "e\u0301")]
    [InlineData("NFC", "e\u0301", "é")]
    [InlineData("NFD", "가각", "\u1100\u1161\u1100\u1161\u11A8")]
    [InlineData("NFC", "\u1100\u1161\u11A8", "각")]
    [InlineData("NFKC", "ﬁ①𝒳", "fi1X")]
    [InlineData("NFKD", "ﬁé", "fie\u0301")]
    [InlineData("NFD", "a\u0301\u0323", "a\u0323\u0301")]
    [InlineData("NFC", "a\u0301\u0323", "ạ\u0301")]
    [InlineData("NFC", "\u212B", "Å")]
    [InlineData("NFC", "\u0958", "\u0915\u093C")]
    [InlineData("Lowercase", "İÀΣ", "i\u0307àσ")]
    public void Text_takes_its_normal_form(string type, string text, string expected) => Assert.Equal(expected, Apply($$"""{"type":"{{type}}"}""", text).Span.ToString());

    [Theory]
    [InlineData("NFC", "xe\u0301y", "0-1 1-2 3-4")]
    [InlineData("NFD", "xéy", "0-1 1-2 1-2 2-3")]
    [InlineData("Lowercase", "xİ", "0-1 1-2 1-2")]
    public void Spans_lead_back_to_what_was_replaced(string type, string text, string expected) => Assert.Equal(expected, Spans(Apply($$"""{"type":"{{type}}"}""", text)));

    [Fact]
    public void A_prefix_shares_the_span_of_the_first_character() =>
        Assert.Equal("0-1 0-1 1-2", Spans(Apply("""{"type":"Prepend","prepend":"▁"}""", "ab")));

    [Fact]
    public void Nothing_is_put_before_empty_text() => Assert.Equal(0, Apply("""{"type":"Prepend","prepend":"▁"}""", "").Length);

    [Fact]
    public void A_replacement_has_the_span_of_the_last_character_that_it_replaces() =>
        Assert.Equal("0-1 2-3 2-3 3-4", Spans(Apply("""{"type":"Replace","pattern":{"Regex":"[bc]{2}"},"content":"<>"}""", "abcd")));

    [Theory]
    [InlineData("""{"type":"Precompiled","precompiled_charsmap":"!"}""")]
    [InlineData("""{"type":"Precompiled","precompiled_charsmap":"/////w=="}""")]
    [InlineData("""{"type":"Magic"}""")]
    [InlineData("""{"type":"Replace","content":"x"}""")]
    public void A_component_that_is_not_valid_is_refused(string json) => Assert.Throws<InvalidDataException>(() => Apply(json, "x"));
}
