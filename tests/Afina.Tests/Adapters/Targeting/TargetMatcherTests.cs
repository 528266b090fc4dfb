using System.Text.Json;
using Afina.Adapters.Targeting;
using Afina.Formats.Peft;
using Xunit;

namespace Afina.Tests.Adapters.Targeting;

public sealed class TargetMatcherTests
{
    [Fact]
    public void EveryVectorOfThePeftFactsMatches()
    {
        var count = 0;
        foreach (var vector in Facts("target_match_vectors"))
        {
            var layers = vector.GetProperty("layers_to_transform");
            var pattern = vector.GetProperty("layers_pattern");
            var config = new LoraConfig
            {
                TargetModules = Modules(vector.GetProperty("target_modules")),
                ExcludeModules = Modules(vector.GetProperty("exclude_modules")),
                LayersToTransform = layers.ValueKind switch
                {
                    JsonValueKind.Null => null,
                    JsonValueKind.Array => [.. layers.EnumerateArray().Select(layer => layer.GetInt32())],
                    _ => [layers.GetInt32()],
                },
                LayersPattern = Modules(pattern) is { } names ? names.Names ?? [names.Pattern!] : null,
            };
            Assert.True(vector.GetProperty("match").GetBoolean() == new TargetMatcher(config).IsTarget(vector.GetProperty("key").GetString()!), vector.GetRawText());
            count++;
        }

        Assert.True(count >= 22);
    }

    [Fact]
    public void EveryRankVectorOfThePeftFactsMatches()
    {
        foreach (var vector in Facts("rank_pattern_vectors"))
        {
            var pattern = vector.GetProperty("pattern").EnumerateObject().Select(entry => KeyValuePair.Create(entry.Name, (PeftNumber)entry.Value.GetInt32()));
            var found = new PatternTable(pattern).Find(vector.GetProperty("key").GetString()!, vector.GetProperty("default").GetInt32());
            Assert.True(vector.GetProperty("result").GetInt32() == found, vector.GetRawText());
        }
    }

    [Theory]
    [InlineData("model.layers.001.q_proj", 1, null, true)]
    [InlineData("blocks.1.q_proj", 1, "blocks", false)]
    [InlineData("mlp.blocks.1.q_proj", 1, "blocks", true)]
    [InlineData("model.layers.7.experts.2.q_proj", 7, "", true)]
    [InlineData("layers.1.q_proj", 1, null, false)]
    public void LayersAreFoundAfterSomethingThatPrecedesThem(string module, int layer, string? pattern, bool match)
    {
        var config = new LoraConfig { TargetModules = ModuleNames.List("q_proj"), LayersToTransform = [layer], LayersPattern = pattern is null ? null : [pattern] };
        Assert.Equal(match, new TargetMatcher(config).IsTarget(module));
    }

    [Fact]
    public void ModulesToSaveTakeTheirWholeTreeOut()
    {
        var matcher = new TargetMatcher(new LoraConfig { TargetModules = ModuleNames.List("q_proj", "lm_head"), ModulesToSave = ["layers.1", "lm_head"] });
        Assert.False(matcher.IsTarget("model.layers.1.self_attn.q_proj"));
        Assert.True(matcher.IsTarget("model.layers.11.self_attn.q_proj"));
        Assert.False(matcher.IsTarget("lm_head"));
    }

    private static JsonElement[] Facts(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Shared.Path("conformance/facts/peft-bnb.json")));
        return [.. document.RootElement.GetProperty(name).Clone().EnumerateArray()];
    }

    private static ModuleNames? Modules(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => ModuleNames.Expression(element.GetString()!),
        _ => ModuleNames.List(element.EnumerateArray().Select(name => name.GetString()!)),
    };
}
