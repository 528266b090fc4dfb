using System.Text;
using Afina.Formats.Peft;
using Xunit;

namespace Afina.Tests.Formats.Peft;

public sealed class LoraConfigTests
{
    [Fact]
    public void EveryConfigThatPeftWroteIsWrittenBackByteForByte()
    {
        var count = 0;
        foreach (var file in Directory.EnumerateFiles(Shared.Path("conformance"), "adapter_config.json", SearchOption.AllDirectories))
        {
            var text = File.ReadAllText(file);
            if (!text.Contains("velora_config", StringComparison.Ordinal))
                continue; // an old file: PEFT itself would add the newer members
            Assert.Equal(text.TrimEnd('\n'), LoraConfigWriter.Write(LoraConfigReader.Read(file)));
            count++;
        }

        Assert.True(count > 50, $"only {count} files");
    }

    [Fact]
    public void AnOldConfigOfTwelveMembersHasTheDefaultsOfTheOthers()
    {
        var config = Parse("""
            {"base_model_name_or_path": "x", "bias": "none", "fan_in_fan_out": false, "inference_mode": true, "lora_alpha": 32, "lora_dropout": 0.05,
             "modules_to_save": null, "peft_type": "LORA", "r": 16, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM"}
            """);
        Assert.Equal((16, 32.0, 0.05), (config.R, (double)config.LoraAlpha, (double)config.LoraDropout));
        Assert.Equal("true", config.InitLoraWeights);
        Assert.Empty(config.RankPattern);
        Assert.Null(config.LayersToTransform);
        var written = LoraConfigWriter.Write(config);
        Assert.Equal(41, written.Split('\n').Count(line => line.StartsWith("  \"", StringComparison.Ordinal)));
        Assert.Contains("\"lora_dropout\": 0.05,", written);
    }

    [Fact]
    public void UnknownMembersAndFloatsSurviveTheRoundTrip()
    {
        const string Text = """
            {"peft_type": "LORA", "r": 4, "lora_alpha": 8.0, "alpha_pattern": {"b": 2, "a": 2.5}, "layers_to_transform": 3, "layers_pattern": "h",
             "target_modules": ["x"], "from_the_future": {"k": [1, 1e-5, "é"]}}
            """;
        var written = LoraConfigWriter.Write(Parse(Text));
        Assert.Contains("\"lora_alpha\": 8.0,", written);
        Assert.Contains("\"a\": 2.5,\n    \"b\": 2\n", written);
        Assert.Contains("\"layers_to_transform\": 3,", written);
        Assert.Contains("\"layers_pattern\": \"h\",", written);
        Assert.Contains("\"from_the_future\": {\n    \"k\": [\n      1,\n      1e-05,\n      \"\\u00e9\"\n    ]\n  },", written);
        Assert.Equal(written, LoraConfigWriter.Write(Parse(written)));
    }

    [Theory]
    [InlineData("""{"r": 8}""", "peft_type is missing")]
    [InlineData("""{"peft_type": "IA3"}""", "peft_type IA3 is not supported")]
    [InlineData("""{"peft_type": "LORA", "r": 2.5}""", "r must be a whole number, not 2.5")]
    [InlineData("""{"peft_type": "LORA", "r": "8"}""", "r must be a whole number")]
    [InlineData("""{"peft_type": "LORA", "target_modules": {"a": 1}}""", "target_modules must be a list of names")]
    [InlineData("""{"peft_type": "LORA", "target_modules": ["q", 3]}""", "target_modules must be a text, not 3")]
    [InlineData("""{"peft_type": "LORA", "rank_pattern": {"q": "x"}}""", "rank_pattern.q must be a number")]
    [InlineData("""{"peft_type": "LORA", "use_dora": "yes"}""", "use_dora must be true or false")]
    [InlineData("""{"peft_type": "LORA", "bias": "\ud800"}""", "no valid Unicode")]
    [InlineData("""{"peft_type": "LORA", "\ud800": 1}""", "no valid UTF-8")]
    [InlineData("""{"peft_type": "LORA", "r": 1e999}""", "r must be a whole number")]
    [InlineData("""{"peft_type": "LORA", "r": 8, "r": 9}""", "no valid JSON")]
    [InlineData("[1]", "a JSON object is expected")]
    [InlineData("{\"peft_type\": \n NaN}", "no valid JSON at line 2")]
    public void ADamagedConfigIsRefusedInOneLineWithItsMember(string json, string message)
    {
        var error = Assert.Throws<InvalidDataException>(() => Parse(json));
        Assert.StartsWith("adapter_config.json: ", error.Message);
        Assert.Contains(message, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("""{"peft_type": "LORA", "r": 0}""", "r must be above 0")]
    [InlineData("""{"peft_type": "LORA", "bias": "lora-only"}""", "did you mean lora_only?")]
    [InlineData("""{"peft_type": "LORA", "target_modules": ".*q", "layers_to_transform": [1]}""", "need target_modules to be a list")]
    [InlineData("""{"peft_type": "LORA", "target_modules": ["q"], "layers_pattern": "layers"}""", "layers_pattern needs layers_to_transform")]
    [InlineData("""{"peft_type": "LORA", "lora_bias": true, "use_dora": true}""", "lora_bias cannot be combined with use_dora")]
    [InlineData("""{"peft_type": "LORA", "lora_bias": true, "init_lora_weights": "pissa"}""", "lora_bias needs init_lora_weights")]
    [InlineData("""{"peft_type": "LORA", "init_lora_weights": "corda"}""", "convert the adapter to plain LoRA first")]
    [InlineData("""{"peft_type": "LORA", "init_lora_weights": "gausian"}""", "did you mean gaussian?")]
    [InlineData("""{"peft_type": "LORA", "rank_pattern": {"q_proj": 0}}""", "a rank is a whole number above 0")]
    [InlineData("""{"peft_type": "LORA", "velora_config": {"num_groups": 64}}""", "VeLoRA, which Afina does not do")]
    [InlineData("""{"peft_type": "LORA", "target_parameters": ["mlp.experts.gate_up_proj"]}""", "which Afina does not do")]
    [InlineData("""{"peft_type": "LORA", "lora_dropout": 1.0}""", "lora_dropout must be at least 0 and below 1")]
    public void WhatPeftRefusesOrAfinaCannotDoIsRefused(string json, string message)
    {
        var error = Assert.Throws<InvalidDataException>(() => LoraConfigRules.Require(Parse(json), "adapter_config.json"));
        Assert.Contains(message, error.Message);
    }

    [Fact]
    public void EveryAdapterOfTheConformanceFolderIsAllowed()
    {
        foreach (var file in Directory.EnumerateFiles(Shared.Path("conformance"), "adapter_config.json", SearchOption.AllDirectories))
            LoraConfigRules.Require(LoraConfigReader.Read(file), file);
    }

    [Fact]
    public void DamageAnywhereIsRefusedOrHarmless()
    {
        var bytes = Encoding.UTF8.GetBytes(LoraConfigWriter.Write(new LoraConfig
        {
            TargetModules = ModuleNames.List("q_proj", "v_proj"),
            RankPattern = [KeyValuePair.Create("q_proj", (PeftNumber)4)],
            LayersToTransform = [1, 2],
            TrainableTokenIndices = new Dictionary<string, int[]> { [""] = [3, 4] },
        }));
        var random = new Random(3);
        for (var round = 0; round < 3000; round++)
        {
            var damaged = (byte[])bytes.Clone();
            for (var i = random.Next(1, 4); i > 0; i--)
                damaged[random.Next(damaged.Length)] = "\"\\{}[]:,0-9.eEtfn u\0\x80\xff"u8[random.Next(24)];
            try
            {
                LoraConfigRules.Require(LoraConfigReader.Parse(damaged.AsMemory(0, random.Next(3) == 0 ? random.Next(damaged.Length) : damaged.Length), "x"), "x");
            }
            catch (InvalidDataException error)
            {
                Assert.DoesNotContain('\n', error.Message);
            }
        }
    }

    [Theory]
    [InlineData(false, 4.0)]
    [InlineData(true, 8.0)]
    public void ScalingDividesByTheRankOrItsRoot(bool rslora, double expected) =>
        Assert.Equal(expected, new LoraConfig { UseRslora = rslora }.Scaling(4, 16));

    private static LoraConfig Parse(string json) => LoraConfigReader.Parse(Encoding.UTF8.GetBytes(json), "adapter_config.json");
}
