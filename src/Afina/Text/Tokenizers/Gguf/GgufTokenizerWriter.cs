using System.Text.Encodings.Web;
using System.Text.Json;

namespace Afina.Text.Tokenizers.Gguf;

/// <summary>Writes a GGUF vocabulary as the files of a Hugging Face folder that tokenize the same.</summary>
internal sealed class GgufTokenizerWriter(GgufVocabulary vocabulary)
{
    private const char Sign = '▁';
    private static readonly JsonWriterOptions Readable = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>tokenizer.json.</summary>
    public byte[] TokenizerJson() => Write(json =>
    {
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        for (var id = 0; id < vocabulary.Tokens.Count; id++)
            WriteAdded(json, id);
        json.WriteEndArray();
        if (vocabulary.IsBytePair)
            WriteBytePairs(json);
        else
            WriteSentencePieces(json);
        WriteTemplate(json);
    });

    /// <summary>tokenizer_config.json.</summary>
    public byte[] ConfigJson() => Write(json =>
    {
        WriteNamed(json);
        json.WriteBoolean("add_bos_token", vocabulary.AddBos);
        json.WriteBoolean("add_eos_token", vocabulary.AddEos);
        json.WriteBoolean("clean_up_tokenization_spaces", false);
        json.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
        if (vocabulary.ChatTemplate is { } template)
            json.WriteString("chat_template", template);
    });

    /// <summary>special_tokens_map.json.</summary>
    public byte[] SpecialTokensJson() => Write(WriteNamed);

    private static byte[] Write(Action<Utf8JsonWriter> body)
    {
        var bytes = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, Readable))
        {
            json.WriteStartObject();
            body(json);
            json.WriteEndObject();
        }

        return [.. bytes.WrittenSpan, (byte)'\n'];
    }

    private void WriteNamed(Utf8JsonWriter json)
    {
        foreach (var (name, token) in new[] { ("bos_token", vocabulary.Bos), ("eos_token", vocabulary.Eos), ("unk_token", vocabulary.Unknown), ("pad_token", vocabulary.Pad) })
        {
            if (token is not null)
                json.WriteString(name, token);
        }
    }

    private void WriteAdded(Utf8JsonWriter json, int id)
    {
        var type = vocabulary.TypeOf(id);
        if (type is not (GgufTokenType.Control or GgufTokenType.Unknown or GgufTokenType.UserDefined))
            return;
        var special = type != GgufTokenType.UserDefined;
        json.WriteStartObject();
        json.WriteNumber("id", id);
        json.WriteString("content", vocabulary.Tokens[id]);
        json.WriteBoolean("single_word", false);
        json.WriteBoolean("lstrip", false);
        json.WriteBoolean("rstrip", special && vocabulary.StripsRight(vocabulary.Tokens[id]));
        json.WriteBoolean("normalized", false);
        json.WriteBoolean("special", special);
        json.WriteEndObject();
    }

    private void WriteBytePairs(Utf8JsonWriter json)
    {
        json.WriteNull("normalizer");
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        foreach (var expression in vocabulary.PreType.Expressions)
        {
            json.WriteStartObject();
            json.WriteString("type", "Split");
            WritePattern(json, "Regex", expression);
            json.WriteString("behavior", "Isolated");
            json.WriteBoolean("invert", false);
            json.WriteEndObject();
        }

        WriteByteLevel(json, null);
        json.WriteEndArray();
        json.WriteEndObject();
        WriteByteLevel(json, "decoder");
        WriteModel(json, vocabulary.Merges(), bytes: false);
    }

    private static void WriteByteLevel(Utf8JsonWriter json, string? property)
    {
        if (property is not null)
            json.WriteStartObject(property);
        else
            json.WriteStartObject();
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", false);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", false);
        json.WriteEndObject();
    }

    private void WriteSentencePieces(Utf8JsonWriter json)
    {
        json.WriteStartObject("normalizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("normalizers");
        if (vocabulary.AddSpacePrefix)
            WriteStep(json, "Prepend", () => json.WriteString("prepend", Sign.ToString()));
        WriteStep(json, "Replace", () => WriteReplacement(json, " ", Sign.ToString()));
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteNull("pre_tokenizer");
        json.WriteStartObject("decoder");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("decoders");
        WriteStep(json, "Replace", () => WriteReplacement(json, Sign.ToString(), " "));
        WriteStep(json, "ByteFallback", () => { });
        WriteStep(json, "Fuse", () => { });
        if (vocabulary.AddSpacePrefix)
        {
            WriteStep(json, "Strip", () =>
            {
                json.WriteString("content", " ");
                json.WriteNumber("start", 1);
                json.WriteNumber("stop", 0);
            });
        }

        json.WriteEndArray();
        json.WriteEndObject();
        WriteModel(json, GgufMerges.FromScores(vocabulary), bytes: true);
    }

    private static void WriteStep(Utf8JsonWriter json, string type, Action fields)
    {
        json.WriteStartObject();
        json.WriteString("type", type);
        fields();
        json.WriteEndObject();
    }

    private static void WriteReplacement(Utf8JsonWriter json, string from, string to)
    {
        WritePattern(json, "String", from);
        json.WriteString("content", to);
    }

    private static void WritePattern(Utf8JsonWriter json, string kind, string pattern)
    {
        json.WriteStartObject("pattern");
        json.WriteString(kind, pattern);
        json.WriteEndObject();
    }

    private void WriteModel(Utf8JsonWriter json, IEnumerable<(string Left, string Right)> merges, bool bytes)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteString("unk_token", bytes ? vocabulary.Unknown : null);
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", bytes);
        json.WriteBoolean("byte_fallback", bytes);
        json.WriteBoolean("ignore_merges", vocabulary.PreType.IgnoreMerges);
        json.WriteStartObject("vocab");
        for (var id = 0; id < vocabulary.Tokens.Count; id++)
            json.WriteNumber(vocabulary.Tokens[id], id);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var (left, right) in merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(left);
            json.WriteStringValue(right);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteTemplate(Utf8JsonWriter json)
    {
        if (!vocabulary.AddBos && !vocabulary.AddEos)
        {
            json.WriteNull("post_processor");
            return;
        }

        json.WriteStartObject("post_processor");
        json.WriteString("type", "TemplateProcessing");
        WriteItems(json, "single", ["A"]);
        WriteItems(json, "pair", ["A", "B"]);
        json.WriteStartObject("special_tokens");
        foreach (var token in new[] { vocabulary.AddBos ? vocabulary.Bos : null, vocabulary.AddEos ? vocabulary.Eos : null }.OfType<string>().Distinct())
        {
            json.WriteStartObject(token);
            json.WriteString("id", token);
            json.WriteStartArray("ids");
            json.WriteNumberValue(IndexOf(token));
            json.WriteEndArray();
            json.WriteStartArray("tokens");
            json.WriteStringValue(token);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private int IndexOf(string token)
    {
        for (var id = 0; id < vocabulary.Tokens.Count; id++)
        {
            if (vocabulary.Tokens[id] == token)
                return id;
        }

        return -1;
    }

    private void WriteItems(Utf8JsonWriter json, string name, string[] sequences)
    {
        json.WriteStartArray(name);
        for (var type = 0; type < sequences.Length; type++)
        {
            WriteItem(json, "SpecialToken", vocabulary.AddBos ? vocabulary.Bos : null, type);
            WriteItem(json, "Sequence", sequences[type], type);
            WriteItem(json, "SpecialToken", vocabulary.AddEos ? vocabulary.Eos : null, type);
        }

        json.WriteEndArray();
    }

    private static void WriteItem(Utf8JsonWriter json, string kind, string? id, int type)
    {
        if (id is null)
            return;
        json.WriteStartObject();
        json.WriteStartObject(kind);
        json.WriteString("id", id);
        json.WriteNumber("type_id", type);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
