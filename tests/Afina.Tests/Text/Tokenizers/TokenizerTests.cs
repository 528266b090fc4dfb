using Afina.Text.Tokenizers;
using Xunit;

namespace Afina.Tests.Text.Tokenizers;

/// <summary>Small tokenizers written out; the expected values are the reference program's rules applied by hand.</summary>
public sealed class TokenizerTests : IDisposable
{
    private const string Vocabulary = """{"a":0,"b":1,"c":2,"ab":3,"Ġ":4,"Ã":5,"©":6,"Ġa":7,"â":8,"Ĥ":9,"¬":10}""";
    private const string ByteLevel = """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}""";
    private readonly string _folder = Directory.CreateTempSubdirectory("afina-tokenizer-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    private Tokenizer Load(string json, string? config = null)
    {
        File.WriteAllText(Path.Combine(_folder, "tokenizer.json"), json);
        if (config is not null)
            File.WriteAllText(Path.Combine(_folder, "tokenizer_config.json"), config);
        return Tokenizer.Load(_folder);
    }

    private static string Bytes(string merges = """["a b", "Ġ a"]""", string added = "[]", string more = "") =>
        $$"""{"version":"1.0","added_tokens":{{added}},"normalizer":null,"pre_tokenizer":{{ByteLevel}},"decoder":{{ByteLevel}},{{more}}"model":{"type":"BPE","vocab":{{Vocabulary}},"merges":{{merges}} } }""";

    private static string Added(int id, string content, string flags = "") => $$"""{"id":{{id}},"content":"{{content}}","special":true,"normalized":false{{flags}}}""";

    [Fact]
    public void Bytes_merge_by_rank_and_decode_to_the_same_text()
    {
        var tokenizer = Load(Bytes());

        Assert.Equal([3, 4, 3, 5, 6], tokenizer.Encode("ab abé"));
        Assert.Equal("ab abé", tokenizer.Decode([3, 4, 3, 5, 6]));
    }

    [Fact]
    public void Offsets_count_code_points_and_utf16_units()
    {
        var encoded = Load(Bytes(added: $"[{Added(11, "😀")}]")).EncodeWithOffsets("a😀éb");

        Assert.Equal([0, 11, 5, 6, 1], encoded.Ids);
        Assert.Equal([(0, 1), (1, 2), (2, 3), (2, 3), (3, 4)], encoded.Offsets);
        Assert.Equal([(0, 1), (1, 3), (3, 4), (3, 4), (4, 5)], encoded.Utf16Offsets);
    }

    [Fact]
    public void Special_tokens_in_the_text_are_text_when_they_are_not_parsed()
    {
        var tokenizer = Load(Bytes(added: $"[{Added(11, "ba")}]"));

        Assert.Equal([11, 2], tokenizer.Encode("bac"));
        Assert.Equal([1, 0, 2], tokenizer.Encode("bac", parseSpecialTokens: false));
        Assert.Equal("c", tokenizer.Decode([11, 2], skipSpecialTokens: true));
    }

    [Fact]
    public void Added_tokens_swallow_white_space_where_they_say_so()
    {
        var tokenizer = Load(Bytes(added: $"[{Added(11, "<x>", ",\"lstrip\":true,\"rstrip\":true")},{Added(12, "<w>", ",\"single_word\":true")}]"));

        Assert.Equal([0, 11, 1], tokenizer.Encode("a  <x>  b"));
        Assert.Equal([(0, 1), (1, 8), (8, 9)], tokenizer.EncodeWithOffsets("a  <x>  b").Offsets.Take(3));
        Assert.Equal([12], tokenizer.Encode("<w>"));
        Assert.DoesNotContain(12, tokenizer.Encode("a<w>b"));
    }

    [Fact]
    public void The_longest_added_token_wins_at_the_leftmost_place() =>
        Assert.Equal([0, 12, 1], Load(Bytes(added: $"[{Added(11, "ba")},{Added(12, "bac")},{Added(13, "cb")}]")).Encode("abacb"));

    [Fact]
    public void Half_a_character_is_held_back_and_flushed_at_the_end()
    {
        var detokenizer = Load(Bytes()).CreateDetokenizer(false);

        Assert.Equal(["a", null, null, "€", null], new[] { 0, 8, 9, 10, 5 }.Select(detokenizer.Add));
        Assert.Equal("\uFFFD", detokenizer.Flush());
        Assert.Equal("", detokenizer.Flush());
    }

    [Fact]
    public void Half_a_surrogate_pair_is_encoded_as_a_replacement_character() =>
        Assert.Equal(Load(Bytes()).Encode("a\uFFFDb"), Load(Bytes()).Encode("a\uD83Db"));

    [Fact]
    public void Truncation_and_padding_of_the_file_are_active()
    {
        var tokenizer = Load(Bytes(more: """
            "truncation":{"direction":"Left","max_length":3,"strategy":"LongestFirst","stride":0},
            "padding":{"strategy":{"Fixed":4},"direction":"Right","pad_to_multiple_of":null,"pad_id":9,"pad_type_id":0,"pad_token":"x"},
            "post_processor":{"type":"BertProcessing","sep":["b",1],"cls":["a",0]},
            """));

        Assert.Equal([0, 2, 1, 9], tokenizer.Encode("abc"));
        Assert.Equal([3, 2, 9, 9], tokenizer.Encode("abc", addSpecialTokens: false));
        Assert.Equal([0, 3, 2, 1], tokenizer.EncodeTruncated("abc", 10));
    }

    [Fact]
    public void The_configuration_names_special_tokens_and_the_template()
    {
        var tokenizer = Load(Bytes(), """{"bos_token":"a","eos_token":{"content":"<end>"},"chat_template":[{"name":"x","template":"X"},{"name":"default","template":"D"}]}""");

        Assert.Equal(("a", 0), (tokenizer.BosToken, tokenizer.BosId));
        Assert.Equal(11, tokenizer.EosId);
        Assert.True(tokenizer.IsSpecial(11));
        Assert.Equal("D", tokenizer.ChatTemplateSource);
        File.WriteAllText(Path.Combine(_folder, "chat_template.jinja"), "J");
        Assert.Equal("J", Tokenizer.Load(_folder).ChatTemplateSource);
    }

    [Fact]
    public void Saving_copies_the_files_byte_for_byte()
    {
        var tokenizer = Load(Bytes(), """{ "bos_token" : "a" }""");
        var copy = Path.Combine(_folder, "copy");
        tokenizer.Save(copy);

        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "tokenizer.json")), File.ReadAllBytes(Path.Combine(copy, "tokenizer.json")));
        Assert.Equal("""{ "bos_token" : "a" }""", File.ReadAllText(Path.Combine(copy, "tokenizer_config.json")));
    }

    [Fact]
    public void Many_threads_may_share_a_tokenizer()
    {
        var tokenizer = Load(Bytes());
        var text = string.Join(' ', Enumerable.Range(0, 200).Select(i => new string("abc"[i % 3], i % 7 + 1)));
        var expected = tokenizer.Encode(text);

        Parallel.For(0, 64, _ => Assert.Equal(expected, tokenizer.Encode(text)));
    }

    [Theory]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0}}}""", "merges")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}""", "\"b\"")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}}""", "\"ab\"")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}""", "merge 0")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}}""", "id 0")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}""", "-1")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":99999999999},"merges":[]}}""", "99999999999")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":4194304},"merges":[]}}""", "4194304")]
    [InlineData("""{"model":{"type":"Magic"}}""", "Magic")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",0.5]],"unk_id":7}}""", "unk_id")]
    [InlineData("""{"version":"2.0","model":{}}""", "2.0")]
    [InlineData("""{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"("},"behavior":"Isolated"},"model":{}}""", "regular expression")]
    [InlineData("""{"pre_tokenizer":{"type":"Magic"},"model":{}}""", "Magic")]
    [InlineData("""{"decoder":{"type":"Magic"},"model":{"type":"WordLevel","vocab":{"a":0}}}""", "Magic")]
    [InlineData("""{"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x","type_id":0}}]},"model":{"type":"WordLevel","vocab":{"a":0}}}""", "\"x\"")]
    [InlineData("""{"model":""", "JSON")]
    [InlineData("[]", "object")]
    public void A_file_that_is_not_valid_is_refused_in_one_line_that_says_why(string json, string says)
    {
        var error = Assert.Throws<InvalidDataException>(() => Load(json));

        Assert.Contains(says, error.Message);
        Assert.DoesNotContain('\n', error.Message);
        Assert.DoesNotContain(_folder, error.Message);
    }

    [Fact]
    public void A_folder_without_a_tokenizer_is_refused() => Assert.Throws<InvalidDataException>(() => Tokenizer.Load(_folder));
}
