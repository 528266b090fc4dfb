using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Xunit;

namespace Afina.Tests.Formats.Peft;

public sealed class PeftFolderTests : IDisposable
{
    private const string Key = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
    private readonly string _folder = Directory.CreateTempSubdirectory("afina-peft").FullName;

    [Fact]
    public void EveryAdapterOfTheConformanceFolderIsReadAndWrittenBackTheSame()
    {
        var count = 0;
        foreach (var file in Directory.EnumerateFiles(Shared.Path("conformance"), PeftFolder.ConfigFile, SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var source = Path.GetDirectoryName(file)!;
            if (!File.Exists(Path.Combine(source, PeftFolder.TensorFile)) || ++count % 5 != 0)
                continue;
            var adapter = PeftFolder.Load(source);
            Assert.All(adapter.Tensors.Keys, key => Assert.Equal(key, AdapterKeys.Parse(key).ToString()));
            var copy = Path.Combine(_folder, count.ToString());
            PeftFolder.Save(copy, adapter.Config, [.. adapter.Tensors.Values], "card");
            Assert.Equal([PeftFolder.CardFile, PeftFolder.ConfigFile, PeftFolder.TensorFile], Directory.EnumerateFileSystemEntries(copy).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
            var again = PeftFolder.Load(copy);
            Assert.Equal(adapter.Tensors.Keys.Order(), again.Tensors.Keys.Order());
            Assert.All(adapter.Tensors.Values, tensor => Assert.True(tensor.Values.Span.SequenceEqual(again.Tensors[tensor.Key].Values.Span)));
        }

        Assert.True(count > 100);
    }

    [Theory]
    [InlineData(DType.BF16)]
    [InlineData(DType.F16)]
    public void NarrowerElementsAreWidenedAgain(DType type)
    {
        PeftFolder.Save(Adapter, Config, [Tensor(1, -0.5f, 0.25f, 3)], "", type);
        Assert.Equal([1, -0.5f, 0.25f, 3], PeftFolder.Load(Adapter).Tensors[Key].Values.ToArray());
    }

    [Fact]
    public void NumbersThatF16CannotHoldAreNotWrittenAsF16() =>
        Assert.Contains("F16 cannot hold", Assert.Throws<InvalidDataException>(() => PeftFolder.Save(Adapter, Config, [Tensor(1e6f, 0, 0, 0)], "", DType.F16)).Message);

    [Fact]
    public void AnAdapterThatIsNotFiniteIsNeitherWrittenNorRead()
    {
        var error = Assert.Throws<InvalidDataException>(() => PeftFolder.Save(Adapter, Config, [Tensor(1, float.NaN, 0, 0)], ""));
        Assert.Contains($"tensor '{Key}' has NaN at element 1", error.Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));

        PeftFolder.Save(Adapter, Config, [Tensor(1, 2, 3, 4)], "");
        var file = Path.Combine(Adapter, PeftFolder.TensorFile);
        var bytes = File.ReadAllBytes(file);
        BitConverter.GetBytes(float.PositiveInfinity).CopyTo(bytes, bytes.Length - 4);
        File.WriteAllBytes(file, bytes);
        Assert.Contains("at element 3", Assert.Throws<InvalidDataException>(() => PeftFolder.Load(Adapter)).Message);
    }

    [Fact]
    public void SavingOverAnAdapterReplacesItsFilesAndKeepsOthers()
    {
        PeftFolder.Save(Adapter, Config, [Tensor(1, 2, 3, 4)], "old");
        File.WriteAllText(Path.Combine(Adapter, "metrics.jsonl"), "{}");
        PeftFolder.Save(Adapter, Config with { R = 2 }, [Tensor(5, 6, 7, 8)], "new");
        Assert.Equal([5, 6, 7, 8], PeftFolder.Load(Adapter).Tensors[Key].Values.ToArray());
        Assert.Equal("new", File.ReadAllText(Path.Combine(Adapter, PeftFolder.CardFile)));
        Assert.True(File.Exists(Path.Combine(Adapter, "metrics.jsonl")));
        Assert.Equal([Adapter], Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public void AFailedSaveLeavesNothingBehind()
    {
        var twice = new[] { Tensor(1, 2, 3, 4), Tensor(1, 2, 3, 4) };
        Assert.Throws<InvalidDataException>(() => PeftFolder.Save(Adapter, Config, twice, ""));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public void WhatIsNoAdapterFolderIsToldApart()
    {
        Assert.Contains("no such folder", Refusal(Path.Combine(_folder, "none")));
        Assert.Contains("an adapter folder holds", Refusal(_folder));
        File.WriteAllText(Path.Combine(_folder, "config.json"), "{}");
        Assert.Contains("a model, not an adapter", Refusal(_folder));
        PeftFolder.Save(Adapter, Config, [Tensor(1, 2, 3, 4)], "");
        Assert.Contains("adapters in the folders adapter; name one", Refusal(_folder));
        File.Move(Path.Combine(Adapter, PeftFolder.TensorFile), Path.Combine(Adapter, "adapter_model.bin"));
        Assert.Contains("a pickle", Refusal(Adapter));
    }

    [Fact]
    public void ACardHasPeftsFrontMatterAndCannotBeBrokenByItsFacts()
    {
        var card = new ModelCard
        {
            Title = "support",
            BaseModel = "HuggingFaceTB/SmolLM2-135M-Instruct",
            License = "apache-2.0",
            BaseFile = "m.gguf",
            BaseSha256 = "abc",
            Data = [new CardData("a|b\n<script>.jsonl", 500, "training")],
            Settings = [KeyValuePair.Create("rank", "8")],
            Results = [new CardResult("held-out loss", "2.10", "0.72")],
        }.Write();
        Assert.StartsWith("---\nbase_model: HuggingFaceTB/SmolLM2-135M-Instruct\nlibrary_name: peft\nlicense: apache-2.0\npipeline_tag: text-generation\ntags:\n- base_model:adapter:HuggingFaceTB/SmolLM2-135M-Instruct\n- lora\n- transformers\n---\n", card);
        Assert.Contains("| a\\|b &lt;script>.jsonl | 500 | training |\n", card);
        Assert.Contains("| held-out loss | 2.10 | 0.72 |\n", card);
        Assert.EndsWith("### Framework versions\n\n- PEFT 0.21.2\n", card);
        Assert.Contains("base_model: \"true\"\n", new ModelCard { Title = "x", BaseModel = "true" }.Write());
        Assert.Contains("base_model: \"../my: model\"\n", new ModelCard { Title = "x", BaseModel = "../my: model" }.Write());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Adapter => Path.Combine(_folder, "adapter");

    private static LoraConfig Config => new() { R = 1, TargetModules = ModuleNames.List("q_proj"), TaskType = "CAUSAL_LM" };

    private static PeftTensor Tensor(params float[] values) => new(Key, [1, values.Length], values);

    private static string Refusal(string path)
    {
        var message = Assert.Throws<InvalidDataException>(() => PeftFolder.Load(path)).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }
}
