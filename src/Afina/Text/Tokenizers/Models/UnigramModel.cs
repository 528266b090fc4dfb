using System.Text;
using System.Text.Json;

namespace Afina.Text.Tokenizers.Models;

/// <summary>The tokens whose scores add up to the most (Viterbi); a character without a token of its own counts 10 less than the worst score.</summary>
internal sealed class UnigramModel : Model
{
    private const double UnknownPenalty = 10;
    private readonly double[] _scores;
    private readonly double _unknownScore;
    private readonly int _unknownId;
    private readonly int[] _byteIds;
    private readonly CharTrie _trie = new();

    public UnigramModel(Vocabulary vocabulary, double[] scores, int unknownId, bool byteFallback)
        : base(vocabulary)
    {
        _scores = scores;
        _unknownScore = (scores.Length == 0 ? 0 : scores.Min()) - UnknownPenalty;
        _unknownId = unknownId;
        _byteIds = byteFallback ? ByteIds(vocabulary) : [];
        for (var id = 0; id < scores.Length; id++)
            _trie.Add(vocabulary.TokenOf(id)!, id);
    }

    public static new UnigramModel Read(JsonElement json)
    {
        var tokens = new List<string>();
        var scores = new List<double>();
        foreach (var entry in json.Items("vocab"))
        {
            if (entry.ValueKind != JsonValueKind.Array || entry.GetArrayLength() != 2 || entry[0].ValueKind != JsonValueKind.String || entry[1].ValueKind != JsonValueKind.Number)
                throw new InvalidDataException($"model: entry {tokens.Count} of the vocabulary is not [token, score]");
            tokens.Add(entry[0].GetString()!);
            scores.Add(entry[1].GetDouble());
        }

        var unknown = json.Optional("unk_id") is null ? -1 : json.Count("unk_id");
        if (unknown >= tokens.Count)
            throw new InvalidDataException($"model: unk_id {unknown} is not in the vocabulary of {tokens.Count} tokens");
        return new UnigramModel(Vocabulary.OfList(tokens, last: true), [.. scores], unknown, json.Flag("byte_fallback", false));
    }

    public override void Tokenize(ReadOnlySpan<char> piece, List<ModelToken> output)
    {
        var best = new (double Score, int From, int Id)[piece.Length + 1];
        Array.Fill(best, (0, -1, 0));
        for (var start = 0; start < piece.Length;)
        {
            var width = start + 1 < piece.Length && char.IsSurrogatePair(piece[start], piece[start + 1]) ? 2 : 1;
            var single = false;
            var node = 0;
            for (var end = start; end < piece.Length && _trie.Step(ref node, piece[end], out var id); end++)
            {
                if (id < 0)
                    continue;
                Offer(best, start, end + 1, _scores[id], id);
                single |= end + 1 - start == width;
            }

            if (!single)
                Offer(best, start, start + width, _unknownScore, _unknownId);
            start += width;
        }

        var spans = new List<(int Start, int End)>();
        var joins = false;
        for (var end = piece.Length; end > 0; end = best[end].From)
        {
            var unknown = best[end].Id == _unknownId;
            if (unknown && joins)
                spans[^1] = (best[end].From, spans[^1].End);
            else
                spans.Add((best[end].From, end));
            joins = unknown;
        }

        spans.Reverse();
        var bytes = new List<int>();
        var at = 0;
        foreach (var (start, end) in spans)
        {
            var text = piece[start..end];
            var next = at + Encoding.UTF8.GetByteCount(text);
            bytes.Clear();
            var id = Vocabulary.IdOf(text);
            if (id >= 0)
                bytes.Add(id);
            else if (_byteIds.Length == 0 || !TryBytes(text, _byteIds, bytes))
                bytes.Add(_unknownId >= 0 ? _unknownId : throw new InvalidDataException("model: the text needs an unknown token, but unk_id is not set"));
            foreach (var token in bytes)
                output.Add(new ModelToken(token, at, next));
            at = next;
        }
    }

    private static void Offer((double Score, int From, int Id)[] best, int start, int end, double score, int id)
    {
        var candidate = score + best[start].Score;
        if (best[end].From < 0 || candidate > best[end].Score)
            best[end] = (candidate, start, id);
    }
}
