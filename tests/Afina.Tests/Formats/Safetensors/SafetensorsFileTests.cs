using System.Buffers.Binary;
using System.Text;
using Afina.Engine.Tensors;
using Afina.Formats;
using Afina.Formats.Safetensors;
using Xunit;

namespace Afina.Tests.Formats.Safetensors;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_is_read_back_in_the_librarys_order_and_alignment()
    {
        var path = _folder.File("a.safetensors");
        SafetensorsWriter.Write(path,
        [
            SafetensorsSource.From("small", [3], new float[] { 1, 2, -3 }, DType.BF16),
            SafetensorsSource.From("zebra", [2, 2], new float[] { 1, 2, 3, 4 }),
            SafetensorsSource.From("ant", [], new[] { 5f }),
            SafetensorsSource.Raw("ids", [2], [7L, -8L], DType.I64),
            SafetensorsSource.From("none", [0, 4], Array.Empty<float>()),
        ]);
        var bytes = File.ReadAllBytes(path);
        var header = Encoding.UTF8.GetString(bytes, 8, (int)BinaryPrimitives.ReadInt64LittleEndian(bytes));
        Assert.Equal(0, header.Length % 8);
        Assert.StartsWith("""{"__metadata__":{"format":"pt"},"ids":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},"ant":{"dtype":"F32","shape":[],"data_offsets":[16,20]},"none":""", header, StringComparison.Ordinal);
        using var file = SafetensorsFile.Open(path);
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal([1f, 2, -3], file.Floats("small"));
        Assert.Equal([1f, 2, 3, 4], file.Floats("zebra"));
        Assert.Equal([5f], file.Floats("ant"));
        Assert.Equal([7L, -8L], file.Integers("ids"));
        Assert.Empty(file.Floats("none"));
        Assert.Equal((2, 2), (file.Weight("zebra").Rows, file.Weight("zebra").Columns));
        Assert.Throws<InvalidDataException>(() => file.Weight("ids"));
        Assert.Throws<InvalidDataException>(() => file.Integers("ant"));
        Assert.Throws<InvalidDataException>(() => file.Weight("missing"));
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "twice")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "takes 12 bytes")]
    [InlineData("""{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}""", 8, "unknown dtype 'F33'")]
    [InlineData("""{"a":{"dtype":"f32","shape":[2],"data_offsets":[0,8]}}""", 8, "unknown dtype 'f32'")]
    [InlineData("""{"a":{"dtype":"17","shape":[2],"data_offsets":[0,8]}}""", 8, "unknown dtype")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}""", 8, "integers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "integers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "cannot be")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""", 8, "two data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}""", 8, "more than 2")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}""", 8, "larger than any file")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "overlaps")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}""", 16, "hole")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, "cut short")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "1 bytes follow")]
    [InlineData("""{"__metadata__":{"a":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "no string")]
    [InlineData("""[1]""", 0, "no JSON object")]
    [InlineData("""{"a":""", 0, "no valid JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[[[[2]]]],"data_offsets":[0,8]}}""", 8, "integers")]
    public void A_header_that_lies_is_refused_in_one_line_that_names_the_file(string header, int dataBytes, string words)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var path = _folder.File("bad.safetensors", [.. BitConverter.GetBytes((long)json.Length), .. json, .. new byte[dataBytes]]);
        var error = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path));
        Assert.StartsWith("bad.safetensors: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Lengths_that_cannot_be_are_refused_before_anything_is_read()
    {
        foreach (var bytes in new byte[][] { [], [1, 2, 3], [255, 255, 255, 255, 255, 255, 255, 255], [1, 225, 245, 5, 0, 0, 0, 0], [64, 0, 0, 0, 0, 0, 0, 0, 123] })
            Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(_folder.File("x.safetensors", bytes)));
        Assert.Throws<FileNotFoundException>(() => SafetensorsFile.Open(_folder.File("absent.safetensors")));
    }

    [Fact]
    public void Damaged_copies_are_refused_in_words_or_read_within_their_bounds()
    {
        var path = _folder.File("good.safetensors");
        SafetensorsWriter.Write(path, [SafetensorsSource.From("model.layers.0.weight", [4, 8], new float[32]), SafetensorsSource.From("b", [3], new float[3], DType.F16)]);
        var good = File.ReadAllBytes(path);
        Hostile.Fuzz(good, 4000, copy =>
        {
            using var file = SafetensorsFile.Open(copy);
            foreach (var (name, tensor) in file.Tensors)
            {
                if (tensor.Type.ToDType() is DType.F32 or DType.F16 or DType.BF16)
                    Finite.Require(file.Weight(name), "copy");
            }
        }, good.Length - 134);
    }

    [Fact]
    public void Numbers_that_are_none_are_named_with_tensor_row_and_column()
    {
        var path = _folder.File("nan.safetensors");
        var values = new float[60];
        values[37] = float.NaN;
        SafetensorsWriter.Write(path, [SafetensorsSource.From("lora_A", [6, 10], values)]);
        using var file = SafetensorsFile.Open(path);
        var error = Assert.Throws<InvalidDataException>(() => Finite.Require(file.Weight("lora_A"), "nan.safetensors"));
        Assert.Contains("'lora_A' has NaN at row 3, column 7", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_write_leaves_the_old_file_and_nothing_else()
    {
        var path = _folder.File("kept.safetensors", [1, 2, 3]);
        var full = new SafetensorsSource("w", SafetensorsType.F32, [4], _ => throw new IOException("no space left on device"));
        Assert.ThrowsAny<IOException>(() => SafetensorsWriter.Write(path, [full]));
        Assert.Throws<InvalidOperationException>(() => SafetensorsWriter.Write(path, [full with { Write = stream => stream.WriteByte(1) }]));
        Assert.Throws<InvalidDataException>(() => SafetensorsWriter.Write(path, [full, full]));
        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Single(Directory.GetFiles(_folder.Path));
    }
}
