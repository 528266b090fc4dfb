using System.Text;
using System.Text.Json;

namespace Afina.Text.Tokenizers.Models;

/// <summary>How a <see cref="BytePairModel"/> treats characters that it does not know, and whole words that it does.</summary>
internal sealed record BytePairOptions(
    string? UnknownToken = null, string Prefix = "", string Suffix = "", bool FuseUnknown = false, bool ByteFallback = false, bool IgnoreMerges = false);

/// <summary>Byte-pair encoding: characters, then the merge of lowest rank (leftmost first) until none applies. Dropout, a training device, is not applied.</summary>
internal sealed class BytePairModel : Model
{
    private const int CachedLength = 256;
    private const int CacheLimit = 100_000;
    private readonly BytePairOptions _options;
    private readonly MergeTable _merges;
    private readonly int[] _byteIds;
    private readonly int[] _characterIds = new int[0x800];
    private readonly int _unknownId;
    private readonly ThreadLocal<Scratch> _scratch = new(() => new Scratch());

    public BytePairModel(Vocabulary vocabulary, MergeTable merges, BytePairOptions options)
        : base(vocabulary)
    {
        _options = options;
        _merges = merges;
        _byteIds = options.ByteFallback ? ByteIds(vocabulary) : [];
        _unknownId = options.UnknownToken is { } unknown ? vocabulary.IdOf(unknown) : -1;
        for (var c = 0; c < _characterIds.Length; c++)
            _characterIds[c] = vocabulary.IdOf(((char)c).ToString());
    }

    public static new BytePairModel Read(JsonElement json)
    {
        var vocabulary = Vocabulary.Read(json.Required("vocab"));
        var merges = json.Required("merges");
        if (merges.ValueKind != JsonValueKind.Array)
            throw new InvalidDataException("model: \"merges\" must be a list");
        var options = new BytePairOptions(
            json.OptionalText("unk_token"), json.Text("continuing_subword_prefix", ""), json.Text("end_of_word_suffix", ""),
            json.Flag("fuse_unk", false), json.Flag("byte_fallback", false), json.Flag("ignore_merges", false));
        var table = new MergeTable(merges.GetArrayLength());
        var rank = 0;
        var joined = new StringBuilder();
        foreach (var merge in merges.EnumerateArray())
        {
            if (ReadMerge(merge, rank) is not var (left, right))
                continue;
            var rest = right.Length >= options.Prefix.Length ? right.AsSpan(options.Prefix.Length) : throw Unknown(right, rank);
            joined.Clear().Append(left).Append(rest);
            table.Set(Id(left), Id(right), rank, Id(joined.ToString()), keepFirst: false);
            rank++;
        }

        return new BytePairModel(vocabulary, table, options);

        int Id(string token) => vocabulary.IdOf(token) is >= 0 and var id ? id : throw Unknown(token, rank);
    }

    private static InvalidDataException Unknown(string token, int rank) =>
        new($"model: merge {rank} needs the token \"{Vocabulary.Shown(token)}\", which is not in the vocabulary");

    private static (string Left, string Right)? ReadMerge(JsonElement merge, int rank)
    {
        if (merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2 && merge[0].ValueKind == JsonValueKind.String && merge[1].ValueKind == JsonValueKind.String)
            return (merge[0].GetString()!, merge[1].GetString()!);
        if (merge.ValueKind == JsonValueKind.String)
        {
            var text = merge.GetString()!;
            if (text.StartsWith("#version", StringComparison.Ordinal))
                return null;
            var space = text.IndexOf(' ');
            if (space >= 0 && text.IndexOf(' ', space + 1) < 0)
                return (text[..space], text[(space + 1)..]);
        }

        throw new InvalidDataException($"model: merge {rank} is not two tokens (\"a b\" or [\"a\", \"b\"])");
    }

    public override void Tokenize(ReadOnlySpan<char> piece, List<ModelToken> output)
    {
        if (_options.IgnoreMerges && Vocabulary.IdOf(piece) is >= 0 and var whole)
        {
            output.Add(new ModelToken(whole, 0, Encoding.UTF8.GetByteCount(piece)));
            return;
        }

        var scratch = _scratch.Value!;
        if (scratch.Lookup.TryGetValue(piece, out var known))
        {
            output.AddRange(known);
            return;
        }

        scratch.Symbols.Clear();
        Characters(piece, scratch);
        scratch.Symbols.MergeAll(_merges);
        var before = output.Count;
        scratch.Symbols.CopyTo(output);
        if (piece.Length > CachedLength)
            return;
        if (scratch.Cache.Count >= CacheLimit)
            scratch.Cache.Clear();
        scratch.Cache[piece.ToString()] = [.. output[before..]];
    }

    private void Characters(ReadOnlySpan<char> piece, Scratch scratch)
    {
        var symbols = scratch.Symbols;
        var (unknown, unknownBytes) = (-1, 0);
        for (var at = 0; at < piece.Length;)
        {
            var width = at + 1 < piece.Length && char.IsSurrogatePair(piece[at], piece[at + 1]) ? 2 : 1;
            var character = piece.Slice(at, width);
            var bytes = width == 2 ? 4 : character[0] < 0x80 ? 1 : character[0] < 0x800 ? 2 : 3;
            var spelled = Spelled(character, at == 0, at + width == piece.Length);
            at += width;
            var id = spelled.Length == 1 && spelled[0] < _characterIds.Length ? _characterIds[spelled[0]] : Vocabulary.IdOf(spelled);
            if (id >= 0)
            {
                if (unknown >= 0)
                    symbols.Add(unknown, unknownBytes);
                unknown = -1;
                symbols.Add(id, bytes);
                continue;
            }

            scratch.Bytes.Clear();
            if (_options.ByteFallback && TryBytes(spelled, _byteIds, scratch.Bytes))
            {
                foreach (var value in scratch.Bytes)
                    symbols.Add(value, 1);
                continue;
            }

            if (_options.UnknownToken is null)
                continue;
            if (_unknownId < 0)
                throw new InvalidDataException($"model: unk_token \"{Vocabulary.Shown(_options.UnknownToken)}\" is not in the vocabulary, but the text needs it");
            if (unknown >= 0 && !_options.FuseUnknown)
            {
                symbols.Add(unknown, unknownBytes);
                unknown = -1;
            }

            unknownBytes = bytes + (unknown >= 0 ? unknownBytes : 0);
            unknown = _unknownId;
        }

        if (unknown >= 0)
            symbols.Add(unknown, unknownBytes);
    }

    private ReadOnlySpan<char> Spelled(ReadOnlySpan<char> character, bool first, bool last)
    {
        var prefix = first ? "" : _options.Prefix;
        var suffix = last ? _options.Suffix : "";
        return prefix.Length + suffix.Length == 0 ? character : string.Concat(prefix, character, suffix);
    }

    /// <summary>What one thread needs: buffers, and the words that it has seen.</summary>
    private sealed class Scratch
    {
        public Scratch() => Lookup = Cache.GetAlternateLookup<ReadOnlySpan<char>>();

        public SymbolList Symbols { get; } = new();

        public List<int> Bytes { get; } = [];

        public Dictionary<string, ModelToken[]> Cache { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, ModelToken[]>.AlternateLookup<ReadOnlySpan<char>> Lookup { get; }
    }
}
