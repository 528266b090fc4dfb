using Afina.Adapters;
using Afina.Conformance.Kinds;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Afina.Models;
using Afina.Runs;
using Xunit;

namespace Afina.EndToEnd;

/// <summary>An adapter over the model that comes with Afina, in fp32: beside the base, merged into it, and over the folder that merge writes.</summary>
public sealed class EmbeddedModelTests : IDisposable
{
    private const string Text = "Customer: my headphones only play on the left side. Can you repair them?\nLarch & Volt: Yes, we repair headphones.";

    private readonly string _folder = Directory.CreateTempSubdirectory("afina-e2e-").FullName;
    private readonly Batches _batches = new();
    private readonly LanguageModel _model = LanguageModel.Open(BaseModels.Embedded());
    private readonly int[] _tokens;
    private readonly Adapter _adapter;
    private readonly LoraConfig _config;

    public EmbeddedModelTests()
    {
        _tokens = [.. _model.Tokenizer.Encode(Text)];
        (_adapter, _config) = Lora.Create(_model.Decoder, new LoraConfig { R = 8, LoraAlpha = 16, InitLoraWeights = "false", TargetModules = ModuleNames.Expression("all-linear") }, 7);
    }

    public void Dispose()
    {
        _batches.Dispose();
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    // Logits reach 30; fp32 products of this model are within 1e-4 of those in double precision (docs/numerics.md), and two ways of
    // adding the low-rank term differ by as much.
    [Fact]
    public void Merged_into_the_base_it_gives_the_logits_that_it_gives_beside_it()
    {
        var beside = Logits(_model.Decoder, _adapter);

        Assert.True(Difference(beside, Logits(_model.Decoder, null), "base alone") > 1, "the adapter changes nothing");
        Assert.InRange(Difference(beside, Logits(Merging.Merge(_model.Decoder, _adapter), null), "merged"), 0, 5e-4);
    }

    [Fact]
    public void Over_the_folder_that_merge_writes_of_the_base_it_gives_the_logits_that_it_gives_over_the_file()
    {
        var (converted, saved) = (Path.Combine(_folder, "base"), Path.Combine(_folder, "adapter"));
        MergeRun.Write(_model, null, converted, DType.F32);
        Lora.Save(saved, _adapter, _config, "");
        using var folder = LanguageModel.Open(converted);
        var (adapter, _) = Lora.Load(folder.Decoder, saved);

        Assert.Equal(_tokens, folder.Tokenizer.Encode(Text));
        Assert.InRange(Difference(Logits(_model.Decoder, _adapter), Logits(folder.Decoder, adapter), "folder"), 0, 5e-4);
    }

    private float[] Logits(Decoder model, Adapter? adapter) => _batches.Logits(model, adapter, _tokens, [new Segment(0, _tokens.Length)], []);

    private static float Difference(float[] expected, float[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        var largest = 0f;
        for (var i = 0; i < expected.Length; i++)
            largest = Math.Max(largest, Math.Abs(expected[i] - actual[i]));
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: largest difference {largest:G3} of logits up to {expected.Max(Math.Abs):F1}");
        return largest;
    }
}
