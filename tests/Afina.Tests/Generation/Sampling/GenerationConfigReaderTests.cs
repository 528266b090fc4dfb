using System.Text;
using Afina.Formats;
using Afina.Generation.Sampling;
using Xunit;

namespace Afina.Tests.Generation.Sampling;

public sealed class GenerationConfigReaderTests
{
    [Fact]
    public void OptionsAreReadUnderTheirNamesAndOthersPassedOver()
    {
        var unknown = new List<string>();
        var options = Parse("""
            {"do_sample": true, "temperature": 0.6, "top_k": null, "top_p": 0.9, "eos_token_id": [2, 7], "suppress_tokens": [3],
             "sequence_bias": [[[8], -2.5], [[5, 10], 3.0]], "transformers_version": "5.24.0"}
            """, unknown.Add);
        Assert.True(options.DoSample);
        Assert.Equal((0.6f, 0, 0.9), (options.Temperature, options.TopK, options.TopP));
        Assert.Equal([2, 7], options.EosTokenId);
        Assert.Equal([5, 10], options.SequenceBias[1].Tokens);
        Assert.Equal(["transformers_version"], unknown);
        Assert.Equal([9], Parse("""{"eos_token_id": 9}""").EosTokenId);
    }

    [Theory]
    [InlineData("""{"temperature": "hot"}""", "temperature")]
    [InlineData("""{"top_k": 1.5}""", "top_k")]
    [InlineData("""{"eos_token_id": ["x"]}""", "eos_token_id")]
    [InlineData("""{"exponential_decay_length_penalty": [1]}""", "exponential_decay_length_penalty")]
    public void AValueOfTheWrongTypeIsRefusedWithItsName(string json, string member) =>
        Assert.Equal($"g.json: {member} has a value of the wrong type", Assert.Throws<InvalidDataException>(() => Parse(json)).Message);

    private static SamplingOptions Parse(string json, Action<string>? unknown = null) =>
        GenerationConfigReader.Parse(JsonFile.ParseObject(Encoding.UTF8.GetBytes(json), "g.json"), "g.json", unknown);
}
