using Afina.Formats.Peft;
using Xunit;

namespace Afina.Tests.Formats.Peft;

public sealed class AdapterKeysTests
{
    [Theory]
    [InlineData("base_model.model.l.0.q_proj.lora_A.weight", "base_model.model.l.0.q_proj.lora_A.weight")]
    [InlineData("base_model.model.l.0.q_proj.lora_A.default.weight", "base_model.model.l.0.q_proj.lora_A.weight")]
    [InlineData("base_model.model.l.0.q_proj.lora_B.my.adapter.bias", "base_model.model.l.0.q_proj.lora_B.bias")]
    [InlineData("l.0.q_proj.lora_B.weight", "base_model.model.l.0.q_proj.lora_B.weight")]
    [InlineData("base_model.model.q.lora_magnitude_vector.default.weight", "base_model.model.q.lora_magnitude_vector")]
    [InlineData("base_model.model.q.lora_magnitude_vector.weight", "base_model.model.q.lora_magnitude_vector")]
    [InlineData("base_model.model.e.lora_embedding_A.default", "base_model.model.e.lora_embedding_A")]
    [InlineData("base_model.model.e.token_adapter.trainable_tokens_delta.default", "base_model.model.e.token_adapter.trainable_tokens_delta")]
    [InlineData("base_model.model.lm_head.modules_to_save.default.weight", "base_model.model.lm_head.weight")]
    [InlineData("base_model.model.lm_head.modules_to_save.weight", "base_model.model.lm_head.weight")]
    [InlineData("base_model.model.lm_head.original_module.weight", null)]
    public void KeysOfOlderFormsComeUnderTodaysNames(string key, string? expected) => Assert.Equal(expected, AdapterKeys.Canonical(key));

    [Theory]
    [InlineData("base_model.model.a.q_proj.lora_A.weight", "a.q_proj", AdapterPart.LoraA, "")]
    [InlineData("base_model.model.a.q_proj.lora_B.bias", "a.q_proj", AdapterPart.LoraBBias, "")]
    [InlineData("base_model.model.a.q_proj.lora_magnitude_vector", "a.q_proj", AdapterPart.Magnitude, "")]
    [InlineData("base_model.model.e.lora_embedding_B", "e", AdapterPart.EmbeddingB, "")]
    [InlineData("base_model.model.e.base_layer.weight", "e", AdapterPart.Base, "weight")]
    [InlineData("base_model.model.lm_head.weight", "lm_head", AdapterPart.Whole, "weight")]
    [InlineData("base_model.model.k_proj.bias", "k_proj", AdapterPart.Whole, "bias")]
    [InlineData("base_model.model.e.token_adapter.trainable_tokens_delta", "e", AdapterPart.TokenRows, "")]
    public void AKeyIsTakenApartAndPutTogetherAgain(string key, string module, AdapterPart part, string parameter)
    {
        var parsed = AdapterKeys.Parse(key);
        Assert.Equal(new AdapterKey(module, part, parameter), parsed);
        Assert.Equal(key, parsed.ToString());
    }

    [Fact]
    public void MissingAndForeignTensorsAreNamedWithTheNearest()
    {
        string[] expected = ["base_model.model.model.layers.0.q_proj.lora_A.weight", "base_model.model.model.layers.0.q_proj.lora_B.weight"];
        string[] found = ["base_model.model.layers.0.q_proj.lora_A.weight", "base_model.model.model.layers.0.q_proj.lora_B.weight"];
        var error = Assert.Throws<InvalidDataException>(() => AdapterKeys.Require(expected, found, "x"));
        Assert.Contains("1 of 2 tensors are missing: 'base_model.model.model.layers.0.q_proj.lora_A.weight' (did you mean base_model.model.layers.0.q_proj.lora_A.weight?)", error.Message);
        Assert.Contains("1 tensors fit nothing in this model", error.Message);
        AdapterKeys.Require(expected, [.. expected], "x");
    }
}
