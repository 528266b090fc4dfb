using Afina.Formats.Peft;
using Xunit;

namespace Afina.Tests.Formats.Peft;

public sealed class PythonJsonTests
{
    [Theory]
    [InlineData(0.0, "0.0")]
    [InlineData(-0.0, "-0.0")]
    [InlineData(1, "1.0")]
    [InlineData(0.1, "0.1")]
    [InlineData(0.05, "0.05")]
    [InlineData(1e-4, "0.0001")]
    [InlineData(1e-5, "1e-05")]
    [InlineData(1.25e-7, "1.25e-07")]
    [InlineData(-2.5e-10, "-2.5e-10")]
    [InlineData(1e15, "1000000000000000.0")]
    [InlineData(1e16, "1e+16")]
    [InlineData(123456789.125, "123456789.125")]
    [InlineData(1.7976931348623157e308, "1.7976931348623157e+308")]
    [InlineData(5e-324, "5e-324")]
    [InlineData(0.30000000000000004, "0.30000000000000004")]
    [InlineData(0.0430000014603138, "0.0430000014603138")]
    public void FloatsAreWrittenAsPythonDoes(double value, string expected) => Assert.Equal(expected, PythonJson.Float(value));

    [Fact]
    public void TextIsEscapedToAscii() =>
        Assert.Equal("\"Gr\\u00fc\\u00dfe \\ud83d\\ude00 \\\"\\\\\\n\\u007f\"", PythonJson.Write("Grüße 😀 \"\\\n\u007f"));
}
