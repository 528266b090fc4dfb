using Afina.Text.Tokenizers;
using Xunit;

namespace Afina.Tests.Text.Tokenizers.Gguf;

public sealed class GgufTokenizerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("afina-tokenizer-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    private static Dictionary<string, object> BytePairs() => new()
    {
        ["tokenizer.ggml.model"] = "gpt2",
        ["tokenizer.ggml.pre"] = "qwen2",
        ["tokenizer.ggml.tokens"] = new[] { "a", "b", "Ġ", "ab", "Ġa", "<|im_end|>", "<tool>", "1" },
        ["tokenizer.ggml.token_type"] = new[] { 1, 1, 1, 1, 1, 3, 4, 1 },
        ["tokenizer.ggml.merges"] = new[] { "a b", "Ġ a", "a b" },
        ["tokenizer.ggml.eos_token_id"] = 5u,
        ["tokenizer.chat_template"] = "{{ messages }}",
    };

    private static Dictionary<string, object> Pieces() => new()
    {
        ["tokenizer.ggml.model"] = "llama",
        ["tokenizer.ggml.tokens"] = new[] { "<unk>", "<s>", "</s>", "▁", "a", "b", "ab", "▁a", "▁ab", "<0xC3>", "<0xA9>" },
        ["tokenizer.ggml.token_type"] = new[] { 2, 3, 3, 1, 1, 1, 1, 1, 1, 6, 6 },
        ["tokenizer.ggml.scores"] = new[] { 0f, 0, 0, -9, -8, -7, -2, -1, -3, 0, 0 },
    };

    [Fact]
    public void Byte_pairs_merge_as_the_metadata_says_and_the_written_folder_gives_the_same()
    {
        var tokenizer = Tokenizer.FromGguf(BytePairs());
        tokenizer.Save(_folder);

        foreach (var one in new[] { tokenizer, Tokenizer.Load(_folder) })
        {
            Assert.Equal([3, 2, 3, 6, 7, 7, 5], one.Encode("ab ab<tool>11<|im_end|>"));
            Assert.Equal(5, one.EosId);
            Assert.True(one.IsSpecial(5));
            Assert.False(one.IsSpecial(6));
            Assert.Equal("{{ messages }}", one.ChatTemplateSource);
        }
    }

    [Fact]
    public void Sentence_pieces_merge_by_score_with_bos_and_a_space_in_front()
    {
        var tokenizer = Tokenizer.FromGguf(Pieces());
        tokenizer.Save(_folder);

        foreach (var one in new[] { tokenizer, Tokenizer.Load(_folder) })
        {
            Assert.Equal([1, 8, 3, 9, 10], one.Encode("ab é"));
            Assert.Equal([1, 7, 2, 7], one.Encode("a</s>a"));
            Assert.Equal("ab é", one.Decode([1, 8, 3, 9, 10], skipSpecialTokens: true));
        }
    }

    [Fact]
    public void Without_a_space_prefix_nothing_is_put_in_front()
    {
        var metadata = Pieces();
        metadata["tokenizer.ggml.add_space_prefix"] = false;
        metadata["tokenizer.ggml.add_bos_token"] = false;

        Assert.Equal([6], Tokenizer.FromGguf(metadata).Encode("ab"));
    }

    [Theory]
    [InlineData("tokenizer.ggml.model", "bert", "bert")]
    [InlineData("tokenizer.ggml.model", 3, "string")]
    [InlineData("tokenizer.ggml.pre", "nobody-knows", "nobody-knows")]
    [InlineData("tokenizer.ggml.tokens", "x", "tokens")]
    [InlineData("tokenizer.ggml.tokens", new[] { "a", "a" }, "\"a\"")]
    [InlineData("tokenizer.ggml.token_type", new[] { 1 }, "token_type")]
    [InlineData("tokenizer.ggml.merges", new[] { "ab" }, "merge 0")]
    [InlineData("tokenizer.ggml.merges", new[] { "a z" }, "\"z\"")]
    public void Metadata_that_is_not_valid_is_refused(string key, object value, string says)
    {
        var metadata = BytePairs();
        metadata[key] = value;
        var error = Assert.Throws<InvalidDataException>(() => Tokenizer.FromGguf(metadata));

        Assert.Contains(says, error.Message);
    }
}
