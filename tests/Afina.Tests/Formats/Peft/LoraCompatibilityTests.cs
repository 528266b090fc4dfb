using Afina.Formats.Peft;
using Xunit;

namespace Afina.Tests.Formats.Peft;

public sealed class LoraCompatibilityTests
{
    [Fact]
    public void APlainAdapterSuitsEveryProgram() => Assert.Empty(LoraCompatibility.Notes(new LoraConfig { R = 16 }));

    [Fact]
    public void WhatOthersRefuseOrMisreadIsSaid()
    {
        Assert.Contains(LoraCompatibility.Notes(new LoraConfig { R = 48 }), note => note.Contains("--max-lora-rank 64"));
        Assert.Contains(LoraCompatibility.Notes(new LoraConfig { UseRslora = true }), note => note.Contains("llama.cpp"));
        Assert.Equal(2, LoraCompatibility.Notes(new LoraConfig { UseDora = true, ModulesToSave = ["lm_head"] }).Count);
    }
}
