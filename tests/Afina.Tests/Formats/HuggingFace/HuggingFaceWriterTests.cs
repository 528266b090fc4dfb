using System.Text.Json;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Afina.Formats.HuggingFace;
using Afina.Formats.Safetensors;
using Xunit;

namespace Afina.Tests.Formats.HuggingFace;

public sealed class HuggingFaceWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Shards_are_filled_in_order_and_the_index_leads_back_to_the_same_weights()
    {
        var path = _folder.File("model");
        HuggingFaceWriter.Write(path, [Matrix("c", 10), Matrix("a", 10), Matrix("b", 100), Matrix("d", 1)], [Config()], shardBytes: 400);
        Assert.Equal(
            ["config.json", "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors", "model.safetensors.index.json"],
            Directory.GetFiles(path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        var index = File.ReadAllText(Path.Combine(path, "model.safetensors.index.json"));
        Assert.Equal(
            "{\n  \"metadata\": {\n    \"total_parameters\": 484,\n    \"total_size\": 1936\n  },\n  \"weight_map\": {\n    \"a\": \"model-00001-of-00003.safetensors\",\n"
            + "    \"b\": \"model-00002-of-00003.safetensors\",\n    \"c\": \"model-00001-of-00003.safetensors\",\n    \"d\": \"model-00003-of-00003.safetensors\"\n  }\n}\n",
            index);
        using var model = HuggingFaceFolder.Open(path);
        Assert.Equal(4, model.Weights.Count);
        Assert.Equal((100, 4), (model.Weights["b"].Rows, model.Weights["b"].Columns));
        Span<float> row = stackalloc float[4];
        model.Weights["b"].Decode(396, row);
        Assert.Equal(399, row[3]);
    }

    [Fact]
    public void A_write_that_fails_leaves_what_was_there_and_nothing_else()
    {
        var path = _folder.File("model");
        HuggingFaceWriter.Write(path, [Matrix("a", 1)], [Config()]);
        var failing = Matrix("b", 1) with { Write = _ => throw new IOException("no space left on device") };
        Assert.ThrowsAny<IOException>(() => HuggingFaceWriter.Write(path, [Matrix("a", 1), failing], [Config()], overwrite: true));
        Assert.ThrowsAny<IOException>(() => HuggingFaceWriter.Write(path, [Matrix("z", 1)], [Config()]));
        Assert.ThrowsAny<IOException>(() => HuggingFaceWriter.Write(path, [Matrix("z", 1) with { Shape = [1L << 50] }], [], overwrite: true));
        Assert.Equal(["model"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName));
        using (var model = HuggingFaceFolder.Open(path))
            Assert.Equal(["a"], model.Weights.Keys);
        HuggingFaceWriter.Write(path, [Matrix("z", 1)], [Config()], overwrite: true);
        using (var model = HuggingFaceFolder.Open(path))
            Assert.Equal(["z"], model.Weights.Keys);
        Assert.Equal(["model"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public unsafe void A_quantized_weight_is_widened_and_rounded_once()
    {
        var quantizer = new FourBitQuantizer("w", BlockFormats.NF4, 3, 50);
        quantizer.Append(Enumerable.Range(0, 150).Select(i => i / 100f - 0.7f).ToArray());
        var weight = quantizer.Finish();
        HuggingFaceWriter.Write(_folder.File("model"), [SafetensorsSource.From(weight, DType.BF16)], [Config()]);
        using var model = HuggingFaceFolder.Open(_folder.File("model"));
        var (got, expected) = (new float[150], new float[150]);
        model.Weights["w"].Decode(0, got);
        weight.Decode(0, expected);
        Assert.Equal(expected.Select(value => BFloat16.ToSingle(BFloat16.FromSingle(value))), got);
    }

    [Theory]
    [InlineData("""{"a": 1, "torch_dtype": "float16", "quantization_config": {"x": 1}, "rms_norm_eps": 1e-05}""", "{\n  \"a\": 1,\n  \"torch_dtype\": \"bfloat16\",\n  \"rms_norm_eps\": 1e-05,\n  \"tie_word_embeddings\": false\n}\n")]
    [InlineData("""{"tie_word_embeddings": true, "dtype": "float16"}""", "{\n  \"tie_word_embeddings\": false,\n  \"dtype\": \"bfloat16\"\n}\n")]
    [InlineData("""{"b": null}""", "{\n  \"b\": null,\n  \"tie_word_embeddings\": false,\n  \"dtype\": \"bfloat16\"\n}\n")]
    public void An_exported_configuration_keeps_the_bases_keys_and_style(string config, string expected)
    {
        var reader = new ConfigReader(JsonDocument.Parse(config).RootElement, "config.json");
        var changes = new Dictionary<string, JsonElement> { ["tie_word_embeddings"] = JsonDocument.Parse("false").RootElement };
        using var stream = new MemoryStream();
        ExportedConfig.From(reader, DType.BF16, changes).Write(stream);
        Assert.Equal(expected, System.Text.Encoding.UTF8.GetString(stream.ToArray()));
    }

    private static ModelFile Config() => ModelFile.From("config.json", "{}"u8.ToArray());

    private static SafetensorsSource Matrix(string name, int rows) => SafetensorsSource.From(name, rows, 4, (start, to) =>
    {
        for (var i = 0; i < to.Length; i++)
            to[i] = start + i;
    }, DType.F32);
}
