using System.Text;
using Afina.Engine.Tensors.Blocks;
using Afina.Formats;
using Afina.Formats.Gguf;
using Xunit;

namespace Afina.Tests.Formats.Gguf;

public sealed class GgufFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_embedded_model_opens_and_every_tensor_decodes_to_finite_values()
    {
        using var file = GgufFile.Open(Embedded());
        Assert.Equal("llama", file.Metadata["general.architecture"]);
        Assert.IsType<string[]>(file.Metadata["tokenizer.ggml.tokens"]);
        var embedding = file.Weight("token_embd.weight");
        Assert.Equal((49152, 576), (embedding.Rows, embedding.Columns));
        foreach (var name in file.Tensors.Keys)
            Finite.Require(file.Weight(name), file.File.Name);
        embedding.DropPages();
        Span<float> row = stackalloc float[576];
        embedding.Decode(576, row);
        Assert.Contains(row.ToArray(), value => value != 0);
    }

    [Fact]
    public void Every_shared_file_opens_and_decodes()
    {
        foreach (var path in Directory.EnumerateFiles(Shared.Path("conformance/models-gguf"), "*.gguf", SearchOption.AllDirectories))
        {
            using var file = GgufFile.Open(path);
            foreach (var name in file.Tensors.Keys)
                Finite.Require(file.Weight(name), path);
        }
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        var path = Write();
        using var file = GgufFile.Open(path);
        Assert.Equal(3u, file.Version);
        foreach (var (key, value) in Metadata())
            Assert.Equal(value, file.Metadata[key]);
        Assert.Equal([64L, 3L], file.Find("matrix").Dimensions);
        Assert.Equal([5L], file.Find("vector").Dimensions);
        Assert.Equal(0, file.Find("matrix").Offset % 64);
        var matrix = file.Weight("matrix");
        Assert.Equal(("Q8_0", 3, 64), (matrix.Format.Name, matrix.Rows, matrix.Columns));
        Span<float> row = stackalloc float[64];
        matrix.Decode(64, row);
        Assert.Equal(1.5f, row[2], 0.25f);
        var again = _folder.File("again.gguf");
        GgufWriter.Write(again, Metadata(), [GgufSource.From("matrix", matrix, BlockFormats.Q8_0), GgufSource.From("vector", file.Weight("vector"), BlockFormats.F32)]);
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(again));
    }

    [Fact]
    public void A_split_model_is_read_as_one()
    {
        var first = _folder.File("m-00001-of-00002.gguf");
        var second = _folder.File("m-00002-of-00002.gguf");
        GgufWriter.Write(first, Part(0), [GgufSource.From("a", BlockFormats.F32, 1, 5, Fill)]);
        Assert.Contains("part 2 of 2", Assert.Throws<InvalidDataException>(() => GgufFile.Open(first)).Message, StringComparison.Ordinal);
        GgufWriter.Write(second, Part(1), [GgufSource.From("a", BlockFormats.F32, 1, 5, Fill)]);
        Assert.Contains("earlier part", Assert.Throws<InvalidDataException>(() => GgufFile.Open(first)).Message, StringComparison.Ordinal);
        GgufWriter.Write(second, Part(1), []);
        Assert.Contains("fetch them again", Assert.Throws<InvalidDataException>(() => GgufFile.Open(first)).Message, StringComparison.Ordinal);
        GgufWriter.Write(second, Part(1), [GgufSource.From("b", BlockFormats.F16, 2, 3, Fill)]);
        Assert.Contains("the first part", Assert.Throws<InvalidDataException>(() => GgufFile.Open(second)).Message, StringComparison.Ordinal);
        using var file = GgufFile.Open(first);
        Assert.Equal(["a", "b"], file.Tensors.Keys);
        Span<float> row = stackalloc float[3];
        file.Weight("b").Decode(3, row);
        Assert.Equal(4.5f, row[2]);

        static KeyValuePair<string, object>[] Part(ushort number) => [new("split.no", number), new("split.count", (ushort)2), new("split.tensors.count", 2)];
    }

    [Fact]
    public void Damaged_copies_are_refused_in_words_or_read_within_their_bounds()
    {
        var good = File.ReadAllBytes(Write());
        Hostile.Fuzz(good, 4000, copy =>
        {
            using var file = GgufFile.Open(copy);
            foreach (var (name, tensor) in file.Tensors)
            {
                var weight = tensor.Format is null ? null : file.Weight(name);
                weight?.Decode(0, new float[Math.Min(weight.Count, 256)]);
                weight?.Decode(Math.Max(0, weight.Count - 64), new float[Math.Min(weight.Count, 64)]);
            }
        }, good.Length - 256);
    }

    [Fact]
    public void Counts_that_the_file_cannot_hold_are_refused_before_anything_is_allocated()
    {
        Refused("no GGUF", "GGML"u8.ToArray(), new byte[40]);
        Refused("big-endian", "GGUF"u8.ToArray(), [0, 0, 0, 3], new byte[40]);
        Refused("version 1 ", "GGUF"u8.ToArray(), [1, 0, 0, 0], new byte[40]);
        Refused("tensors", "GGUF"u8.ToArray(), [3, 0, 0, 0], Long(1L << 40), Long(0));
        Refused("metadata values", "GGUF"u8.ToArray(), [3, 0, 0, 0], Long(0), Long(-1));
        Refused("claims 9223372036854775807", Header(1), Long(long.MaxValue), new byte[30]);
        Refused("claims 9223372036854775807 elements", Header(1), Text("k"), Int(9), Int(4), Long(long.MaxValue), new byte[30]);
        Refused("array of arrays", Header(1), Text("k"), Int(9), Int(9), Long(1), new byte[30]);
        Refused("unknown type 13", Header(1), Text("k"), Int(13), new byte[30]);
        Refused("truth value of 2", Header(1), Text("k"), Int(7), [2], new byte[30]);
        Refused("empty key", Header(1), Text(""), Int(7), [1], new byte[30]);
        Refused("there twice", Header(2), Text("key4"), Int(4), Int(1), Text("key4"), Int(4), Int(1), new byte[30]);
        Refused("power of two", Header(1), Text("general.alignment"), Int(4), Int(48), new byte[30]);
    }

    [Fact]
    public void Tensors_that_lie_outside_the_file_or_over_each_other_are_refused()
    {
        Refused("ends after", Tensors(1), Text("t"), Int(1), Long(1 << 20), Int(0), Long(0), new byte[64]);
        Refused("impossible dimensions", Tensors(1), Text("t"), Int(2), Long(1L << 40), Long(1L << 40), Int(0), Long(0), new byte[64]);
        Refused("impossible dimensions", Tensors(1), Text("t"), Int(1), Long(-4), Int(0), Long(0), new byte[64]);
        Refused("no multiple", Tensors(1), Text("t"), Int(1), Long(33), Int(2), Long(0), new byte[64]);
        Refused("unknown type 4", Tensors(1), Text("t"), Int(1), Long(32), Int(4), Long(0), new byte[64]);
        Refused("at most 4", Tensors(1), Text("t"), Int(5), new byte[96]);
        Refused("expected 0", Tensors(1), Text("t"), Int(1), Long(1), Int(0), Long(32), new byte[96]);
        Refused("expected 32", Tensors(2), Text("t"), Int(1), Long(1), Int(0), Long(0), Text("u"), Int(1), Long(1), Int(0), Long(0), new byte[96]);
        Refused("there twice", Tensors(2), Text("t"), Int(1), Long(1), Int(0), Long(0), Text("t"), Int(1), Long(1), Int(0), Long(32), new byte[96]);
        Refused("claims 64 bytes", Tensors(1), Text(new string('n', 64)), Int(1), Long(1), Int(0), Long(0), new byte[96]);
    }

    internal static string Embedded()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Afina.slnx")))
            folder = folder.Parent!;
        return Path.Combine(folder.FullName, "models", "SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct.Q4_1.gguf");
    }

    private static KeyValuePair<string, object>[] Metadata() =>
    [
        new("general.architecture", "llama"), new("general.alignment", 64u), new("a.u8", (byte)1), new("a.i8", (sbyte)-1), new("a.u16", (ushort)2),
        new("a.i16", (short)-2), new("a.i32", -3), new("a.f32", 0.5f), new("a.bool", true), new("a.u64", 4UL), new("a.i64", -4L), new("a.f64", 0.25),
        new("b.texts", new[] { "a", "", "ü" }), new("b.floats", new[] { 1f, 2f }), new("b.bools", new[] { true, false }), new("b.i8", new sbyte[] { -1 }), new("b.u8", new byte[] { 255 }),
    ];

    private string Write()
    {
        var path = _folder.File("good.gguf");
        GgufWriter.Write(path, Metadata(),
        [
            GgufSource.From("matrix", BlockFormats.Q8_0, 3, 64, Fill),
            GgufSource.From("vector", BlockFormats.F32, 1, 5, Fill, vector: true),
        ]);
        return path;
    }

    private static void Fill(long start, Span<float> to)
    {
        for (var i = 0; i < to.Length; i++)
            to[i] = (start + i) % 64 - 0.5f;
    }

    private void Refused(string words, params byte[][] parts)
    {
        var path = _folder.File("bad.gguf", [.. parts.SelectMany(part => part)]);
        var error = Assert.Throws<InvalidDataException>(() => GgufFile.Open(path));
        Assert.StartsWith("bad.gguf: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static byte[] Header(long values) => [.. "GGUF"u8, .. Int(3), .. Long(0), .. Long(values)];

    private static byte[] Tensors(long count) => [.. "GGUF"u8, .. Int(3), .. Long(count), .. Long(0)];

    private static byte[] Int(int value) => BitConverter.GetBytes(value);

    private static byte[] Long(long value) => BitConverter.GetBytes(value);

    private static byte[] Text(string text) => [.. Long(text.Length), .. Encoding.UTF8.GetBytes(text)];
}
