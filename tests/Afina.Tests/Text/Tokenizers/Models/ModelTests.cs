using System.Text.Json;
using Afina.Text.Tokenizers.Models;
using Xunit;

namespace Afina.Tests.Text.Tokenizers.Models;

public sealed class ModelTests
{
    private static List<ModelToken> Tokenize(string json, string piece)
    {
        using var document = JsonDocument.Parse(json);
        var output = new List<ModelToken>();
        Model.Read(document.RootElement).Tokenize(piece, output);
        return output;
    }

    [Fact]
    public void The_leftmost_of_equal_merges_goes_first() =>
        Assert.Equal([1, 0], Tokenize("""{"type":"BPE","vocab":{"a":0,"aa":1},"merges":[["a","a"]]}""", "aaa").Select(token => token.Id));

    [Fact]
    public void A_repeated_merge_has_its_last_rank() =>
        Assert.Equal([0, 4], Tokenize("""{"type":"BPE","vocab":{"a":0,"b":1,"c":2,"ab":3,"bc":4},"merges":["a b","b c","a b"]}""", "abc").Select(token => token.Id));

    [Fact]
    public void Bytes_stand_in_for_unknown_characters_only_where_all_are_there()
    {
        const string Model = """{"type":"BPE","unk_token":"u","fuse_unk":true,"byte_fallback":true,"vocab":{"u":0,"a":1,"<0xC3>":2,"<0xA9>":3},"merges":[]}""";

        Assert.Equal([new ModelToken(2, 0, 1), new ModelToken(3, 1, 2)], Tokenize(Model, "é"));
        Assert.Equal([new ModelToken(0, 0, 6), new ModelToken(1, 6, 7)], Tokenize(Model, "漢字a"));
    }

    [Fact]
    public void A_piece_that_is_a_token_is_not_taken_apart_when_merges_are_ignored() =>
        Assert.Equal([new ModelToken(1, 0, 3)], Tokenize("""{"type":"BPE","ignore_merges":true,"vocab":{"a":0,"xyz":1},"merges":[]}""", "xyz"));

    [Fact]
    public void Unigram_takes_the_best_sum_and_fuses_what_is_unknown() =>
        Assert.Equal(
            [new ModelToken(3, 0, 2), new ModelToken(0, 2, 6)],
            Tokenize("""{"type":"Unigram","unk_id":0,"vocab":[["?",0],["a",-1],["b",-1],["ab",-1.5]]}""", "abßü"));

    [Fact]
    public void WordPiece_takes_the_longest_beginning_or_nothing()
    {
        const string Model = """{"type":"WordPiece","unk_token":"?","vocab":{"?":0,"un":1,"##do":2,"##d":3}}""";

        Assert.Equal([new ModelToken(1, 0, 2), new ModelToken(2, 2, 4)], Tokenize(Model, "undo"));
        Assert.Equal([new ModelToken(0, 0, 5)], Tokenize(Model, "undoz"));
    }
}
