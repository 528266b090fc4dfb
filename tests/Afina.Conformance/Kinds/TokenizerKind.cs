using System.Text;
using System.Text.Json;
using Afina.Formats.Gguf;
using Afina.Text.Tokenizers;

namespace Afina.Conformance.Kinds;

/// <summary>tokenizer.json and GGUF vocabularies: ids, offsets, decoded texts, streamed pieces, truncation.</summary>
internal sealed class TokenizerKind : Kind
{
    public override string Name => "tokenizer";

    public override void Run(Case @case, Check check)
    {
        var texts = Case.ReadJson(@case.Resolve(@case.Text("texts")!));
        var expected = @case.OwnJson(@case.Text("expected")!);
        if (@case.Text("gguf") is { } gguf)
        {
            CheckGguf(check, expected, texts, @case.Resolve(gguf));
            return;
        }

        var tokenizer = Tokenizer.Load(TokenizerSource.Find(@case));
        foreach (var row in expected.GetProperty("rows").EnumerateArray())
            CheckRow(@case, check, tokenizer, row, texts.GetProperty(row.GetProperty("name").GetString()!).GetString()!);
        if (expected.TryGetProperty("decode", out var decode))
        {
            foreach (var row in decode.EnumerateArray())
                CheckDecoded(check, tokenizer, row, Ids(row, "ids")!, "decode " + row.GetProperty("ids").GetRawText());
        }

        if (expected.TryGetProperty("truncated", out var truncated))
        {
            foreach (var row in truncated.EnumerateArray())
                CheckTruncated(check, tokenizer, row, texts.GetProperty(row.GetProperty("name").GetString()!).GetString()!);
        }
    }

    /// <summary>As llama.cpp has it; and the files written from the metadata must give the same again.</summary>
    private static void CheckGguf(Check check, JsonElement expected, JsonElement texts, string path)
    {
        using var file = GgufFile.Open(path);
        var tokenizer = Tokenizer.FromGguf(file.Metadata);
        var folder = Directory.CreateTempSubdirectory("afina-tokenizer-").FullName;
        try
        {
            tokenizer.Save(folder);
            foreach (var (one, source) in new[] { (tokenizer, "GGUF"), (Tokenizer.Load(folder), "written folder") })
            {
                foreach (var row in expected.GetProperty("rows").EnumerateArray())
                    CheckGgufRow(check, one, row, texts.GetProperty(row.GetProperty("name").GetString()!).GetString()!, $"{source}: {row.GetProperty("name").GetString()}");
            }
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    private static void CheckGgufRow(Check check, Tokenizer tokenizer, JsonElement row, string text, string name)
    {
        var ids = Ids(row, "ids")!;
        check.Same(ids, tokenizer.Encode(text), $"{name} ids");
        check.Same(Ids(row, "ids_split_special") ?? ids, tokenizer.Encode(text, true, false), $"{name} ids_split_special");
        var bytes = Ids(row, "decoded_bytes")?.Select(value => (byte)value).ToArray() ?? Encoding.UTF8.GetBytes(text);
        var decoded = Encoding.UTF8.GetString(bytes);
        // llama_cpp_python asks for each piece with a buffer of 32 bytes and leaves longer pieces out.
        int[] shown = [.. ids.Where(id => tokenizer.TokenOf(id)!.Length <= 32)];
        check.Equal(decoded, tokenizer.Decode(shown), $"{name} decoded");
        check.Equal(row.TryGetProperty("decoded_skip", out var skipped) ? skipped.GetString()! : decoded, tokenizer.Decode(shown, true), $"{name} decoded_skip");
    }

    private static void CheckRow(Case @case, Check check, Tokenizer tokenizer, JsonElement row, string text)
    {
        var name = row.GetProperty("name").GetString()!;
        var parse = !(@case.Json.TryGetProperty("split_special_tokens", out var split) && split.GetBoolean());
        var ids = Ids(row, "ids")!;
        var plain = Ids(row, "ids_plain") ?? ids;
        check.Same(ids, tokenizer.Encode(text, true, parse), $"{name} ids");
        check.Same(plain, tokenizer.Encode(text, false, parse), $"{name} ids_plain");
        if (row.TryGetProperty("offsets", out var offsets))
        {
            var encoded = tokenizer.EncodeWithOffsets(text, true, parse);
            check.Same(ids, encoded.Ids, $"{name} ids with offsets");
            check.Same([.. offsets.EnumerateArray().Select(value => value.GetInt32())], [.. encoded.Offsets.SelectMany(pair => new[] { pair.Start, pair.End })], $"{name} offsets");
        }

        if (Ids(row, "ids_split_special") is { } splitSpecial)
            check.Same(splitSpecial, tokenizer.Encode(text, false, false), $"{name} ids_split_special");
        var decoded = row.TryGetProperty("decoded", out var value) ? value.GetString()! : text;
        check.Equal(decoded, tokenizer.Decode(ids), $"{name} decoded");
        var skipped = row.TryGetProperty("decoded_skip", out value) ? value.GetString()! : decoded;
        check.Equal(skipped, tokenizer.Decode(ids, true), $"{name} decoded_skip");
        if (@case.Json.GetProperty("clean_up_tokenization_spaces").GetBoolean())
            check.Equal(row.TryGetProperty("decoded_clean", out value) ? value.GetString()! : skipped, tokenizer.Decode(ids, true, tokenizer.CleanUpTokenizationSpaces), $"{name} decoded_clean");
        if (row.TryGetProperty("roundtrip", out value))
            check.Equal(value.GetBoolean(), tokenizer.Decode(plain) == text, $"{name} roundtrip");
        CheckStreams(check, tokenizer, row, ids, name);
    }

    private static void CheckDecoded(Check check, Tokenizer tokenizer, JsonElement row, int[] ids, string name)
    {
        var decoded = row.GetProperty("decoded").GetString()!;
        check.Equal(decoded, tokenizer.Decode(ids), $"{name} decoded");
        check.Equal(row.TryGetProperty("decoded_skip", out var value) ? value.GetString()! : decoded, tokenizer.Decode(ids, true), $"{name} decoded_skip");
        if (row.TryGetProperty("stream", out var stream))
            CheckStream(check, tokenizer, stream, ids, false, $"{name} stream");
    }

    private static void CheckStreams(Check check, Tokenizer tokenizer, JsonElement row, int[] ids, string name)
    {
        if (!row.TryGetProperty("stream", out var stream))
            return;
        CheckStream(check, tokenizer, stream, ids, false, $"{name} stream");
        CheckStream(check, tokenizer, row.TryGetProperty("stream_skip", out var skip) ? skip : stream, ids, true, $"{name} stream_skip");
    }

    private static void CheckStream(Check check, Tokenizer tokenizer, JsonElement stream, int[] ids, bool skip, string name)
    {
        var detokenizer = tokenizer.CreateDetokenizer(skip);
        check.Same<string?>([.. stream.EnumerateArray().Select(piece => piece.GetString())], [.. ids.Select(detokenizer.Add)], name);
    }

    private static void CheckTruncated(Check check, Tokenizer tokenizer, JsonElement row, string text)
    {
        var (length, left) = (row.GetProperty("max_length").GetInt32(), row.GetProperty("direction").GetString() == "left");
        check.Same(Ids(row, "ids")!, tokenizer.EncodeTruncated(text, length, left), $"{row.GetProperty("name").GetString()} truncated to {length}");
    }

    private static int[]? Ids(JsonElement row, string name) =>
        row.TryGetProperty(name, out var value) ? [.. value.EnumerateArray().Select(id => id.GetInt32())] : null;
}
