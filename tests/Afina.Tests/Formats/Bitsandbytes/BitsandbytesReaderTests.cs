using System.Text;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Afina.Formats.HuggingFace;
using Afina.Formats.Safetensors;
using Xunit;

namespace Afina.Tests.Formats.Bitsandbytes;

public sealed class BitsandbytesReaderTests : IDisposable
{
    private const string State = """{"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [5, 31]}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Parts_become_one_weight()
    {
        using var model = Open(Parts());
        var weight = Assert.Single(model.Weights.Values);
        Assert.Equal(("m.weight", 5, 31, "NF4", 3), (weight.Name, weight.Rows, weight.Columns, weight.Format.Name, weight.Scales!.Blocks));
        Span<float> last = stackalloc float[1];
        weight.Decode(154, last);
        Assert.Equal(-3, last[0]);
    }

    [Fact]
    public void Rows_of_eight_bits_are_scaled_by_their_maximum()
    {
        using var model = Open(
        [
            SafetensorsSource.Raw("m.weight", [2, 3], new sbyte[] { 127, -127, 0, 1, 2, -128 }, DType.I8),
            SafetensorsSource.From("m.SCB", [2], new[] { 2f, 12.7f }),
            SafetensorsSource.Raw("m.weight_format", [], [(byte)0], DType.U8),
        ]);
        var values = new float[6];
        model.Weights["m.weight"].Decode(0, values);
        var expected = new[] { 2, -2, 0, 0.1f, 0.2f, -12.8f };
        for (var i = 0; i < 6; i++)
            Assert.Equal(expected[i], values[i], 1e-5f);
    }

    [Theory]
    [InlineData("quant_map", "there is no tensor")]
    [InlineData("absmax", "there is no tensor")]
    [InlineData("", "there is no tensor 'm.weight'")]
    [InlineData("quant_state.bitsandbytes__nf4", "without a quant_state")]
    public void A_missing_part_is_named(string part, string words)
    {
        var name = part.Length > 0 ? "m.weight." + part : "m.weight";
        Refused(words, [.. Parts().Where(source => source.Name != name)]);
    }

    [Fact]
    public void Parts_that_do_not_fit_are_refused()
    {
        Refused("takes 78", Replace("m.weight", SafetensorsSource.Raw("m.weight", [77, 1], new byte[77], DType.U8)));
        Refused("3 are needed", Replace("m.weight.absmax", SafetensorsSource.From("m.weight.absmax", [2], new float[2])));
        Refused("16 are needed", Replace("m.weight.quant_map", SafetensorsSource.From("m.weight.quant_map", [15], new float[15])));
        Refused("must be finite", Replace("m.weight.absmax", SafetensorsSource.From("m.weight.absmax", [3], new[] { 1, float.NaN, 1 })));
        Refused("disagree", Replace("m.weight.quant_state.bitsandbytes__nf4", Json(State.Replace("nf4", "fp4", StringComparison.Ordinal))));
        Refused("power of two", Replace("m.weight.quant_state.bitsandbytes__nf4", Json(State.Replace("64", "63", StringComparison.Ordinal))));
        Refused("rows and columns", Replace("m.weight.quant_state.bitsandbytes__nf4", Json(State.Replace("[5, 31]", "[5, -31]", StringComparison.Ordinal))));
        Refused("takes", Replace("m.weight.quant_state.bitsandbytes__nf4", Json(State.Replace("[5, 31]", "[2000000000, 2000000000]", StringComparison.Ordinal))));
        Refused("'nested_offset' is missing", Replace("m.weight.quant_state.bitsandbytes__nf4", Json(State.Replace("\"blocksize\"", "\"nested_blocksize\": 256, \"blocksize\"", StringComparison.Ordinal))));
        Refused("no valid JSON", Replace("m.weight.quant_state.bitsandbytes__nf4", Json("{")));
    }

    [Fact]
    public void Other_quantizers_and_missing_files_are_named()
    {
        var path = _folder.File("model");
        Assert.Contains("no such folder", Assert.Throws<InvalidDataException>(() => HuggingFaceFolder.Open(path)).Message, StringComparison.Ordinal);
        Directory.CreateDirectory(path);
        Assert.Contains("no config.json", Assert.Throws<InvalidDataException>(() => HuggingFaceFolder.Open(path)).Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(path, "config.json"), """{"quantization_config": {"quant_method": "gptq"}}""");
        Assert.Contains("'gptq'", Assert.Throws<InvalidDataException>(() => HuggingFaceFolder.Open(path)).Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(path, "config.json"), "{}");
        File.WriteAllText(Path.Combine(path, "pytorch_model.bin"), "");
        Assert.Contains("pickled", Assert.Throws<InvalidDataException>(() => HuggingFaceFolder.Open(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"weight_map": {"a": "../evil.safetensors"}}""", "no plain file name")]
    [InlineData("""{"weight_map": {"a": "C:evil.safetensors"}}""", "no plain file name")]
    [InlineData("""{"weight_map": {"a": "sub/evil.safetensors"}}""", "no plain file name")]
    [InlineData("""{"weight_map": {"a": 3}}""", "no plain file name")]
    [InlineData("""{"weight_map": {"a": "absent.safetensors"}}""", "not in the folder")]
    [InlineData("""{"weight_map": {"b": "one.safetensors"}}""", "no tensor 'b'")]
    [InlineData("""{"weight_map": {"a": "one.safetensors", "c": "two.safetensors"}}""", "is in one.safetensors too")]
    [InlineData("""{"weight_map": []}""", "must be an object")]
    public void An_index_that_lies_is_refused(string index, string words)
    {
        File.WriteAllText(_folder.File("config.json"), "{}");
        File.WriteAllText(_folder.File("model.safetensors.index.json"), index);
        SafetensorsWriter.Write(_folder.File("one.safetensors"), [SafetensorsSource.From("a", [1], new float[1])]);
        SafetensorsWriter.Write(_folder.File("two.safetensors"), [SafetensorsSource.From("a", [1], new float[1]), SafetensorsSource.From("c", [1], new float[1])]);
        var error = Assert.Throws<InvalidDataException>(() => HuggingFaceFolder.Open(_folder.Path));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_copies_are_refused_in_words_or_read_within_their_bounds()
    {
        SafetensorsWriter.Write(_folder.File("model.safetensors"), Parts());
        var good = File.ReadAllBytes(_folder.File("model.safetensors"));
        File.WriteAllText(_folder.File("config.json"), "{}");
        Hostile.Fuzz(good, 1500, copy =>
        {
            File.Copy(copy, _folder.File("model.safetensors"), overwrite: true);
            using var model = HuggingFaceFolder.Open(_folder.Path);
            foreach (var weight in model.Weights.Values)
                weight.Decode(0, new float[Math.Min(weight.Count, 1000)]);
        }, good.Length);
    }

    private static SafetensorsSource[] Parts() =>
    [
        SafetensorsSource.Raw("m.weight", [78, 1], new byte[78], DType.U8),
        SafetensorsSource.From("m.weight.absmax", [3], new[] { 1f, 2, 3 }),
        SafetensorsSource.From("m.weight.quant_map", [16], BlockFormats.NF4.Map.ToArray()),
        Json(State),
    ];

    private static SafetensorsSource Json(string text)
    {
        var bytes = Encoding.ASCII.GetBytes(text);
        return SafetensorsSource.Raw("m.weight.quant_state.bitsandbytes__nf4", [bytes.Length], bytes, DType.U8);
    }

    private static SafetensorsSource[] Replace(string name, SafetensorsSource source) => [.. Parts().Where(part => part.Name != name), source];

    private HuggingFaceFolder Open(SafetensorsSource[] parts)
    {
        File.WriteAllText(_folder.File("config.json"), "{}");
        SafetensorsWriter.Write(_folder.File("model.safetensors"), parts);
        return HuggingFaceFolder.Open(_folder.Path);
    }

    private void Refused(string words, SafetensorsSource[] parts)
    {
        var error = Assert.Throws<InvalidDataException>(() => Open(parts));
        Assert.StartsWith("model.safetensors", error.Message, StringComparison.Ordinal);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }
}
