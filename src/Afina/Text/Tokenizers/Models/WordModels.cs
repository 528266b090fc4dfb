using System.Text;
using System.Text.Json;

namespace Afina.Text.Tokenizers.Models;

/// <summary>Every piece is a token or unknown.</summary>
internal sealed class WordLevelModel(Vocabulary vocabulary, string unknownToken) : Model(vocabulary)
{
    public static new WordLevelModel Read(JsonElement json) => new(Vocabulary.Read(json.Required("vocab")), json.Text("unk_token", "<unk>"));

    public override void Tokenize(ReadOnlySpan<char> piece, List<ModelToken> output)
    {
        var id = Vocabulary.IdOf(piece);
        if (id < 0)
            id = Vocabulary.IdOf(unknownToken);
        if (id < 0)
            throw new InvalidDataException($"model: unk_token \"{Vocabulary.Shown(unknownToken)}\" is not in the vocabulary, but the text needs it");
        output.Add(new ModelToken(id, 0, Encoding.UTF8.GetByteCount(piece)));
    }
}

/// <summary>The longest known beginning, again and again; where that fails the whole piece is unknown.</summary>
internal sealed class WordPieceModel(Vocabulary vocabulary, string unknownToken, string prefix, int longest) : Model(vocabulary)
{
    public static new WordPieceModel Read(JsonElement json) => new(
        Vocabulary.Read(json.Required("vocab")), json.Text("unk_token", "[UNK]"), json.Text("continuing_subword_prefix", "##"), json.Count("max_input_chars_per_word", 100));

    public override void Tokenize(ReadOnlySpan<char> piece, List<ModelToken> output)
    {
        var before = output.Count;
        if (TryTokenize(piece, output))
            return;
        output.RemoveRange(before, output.Count - before);
        var unknown = Vocabulary.IdOf(unknownToken);
        if (unknown < 0)
            throw new InvalidDataException($"model: unk_token \"{Vocabulary.Shown(unknownToken)}\" is not in the vocabulary, but the text needs it");
        output.Add(new ModelToken(unknown, 0, Encoding.UTF8.GetByteCount(piece)));
    }

    private bool TryTokenize(ReadOnlySpan<char> piece, List<ModelToken> output)
    {
        var characters = 0;
        foreach (var _ in piece.EnumerateRunes())
            characters++;
        if (characters > longest)
            return false;
        Span<char> spelled = new char[prefix.Length + piece.Length];
        prefix.CopyTo(spelled);
        piece.CopyTo(spelled[prefix.Length..]);
        for (var (start, bytes) = (0, 0); start < piece.Length;)
        {
            var end = piece.Length;
            var id = -1;
            for (; end > start; end -= end > 1 && char.IsSurrogatePair(piece[end - 2], piece[end - 1]) ? 2 : 1)
            {
                if (start > 0)
                    prefix.CopyTo(spelled[start..]);
                id = Vocabulary.IdOf(start == 0 ? piece[..end] : spelled[start..(prefix.Length + end)]);
                if (id >= 0)
                    break;
            }

            if (id < 0)
                return false;
            output.Add(new ModelToken(id, bytes, bytes += Encoding.UTF8.GetByteCount(piece[start..end])));
            start = end;
        }

        return true;
    }
}
