using System.Text.Json;

namespace Afina.Text.Tokenizers.Models;

/// <summary>The tokens of a model and their ids.</summary>
internal sealed class Vocabulary
{
    /// <summary>No tokenizer comes near; a larger id is an error in the file, not a reason to allocate.</summary>
    internal const int IdLimit = 4_194_304;
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly string?[] _tokens;

    private Vocabulary(Dictionary<string, int> ids, string?[] tokens)
    {
        _ids = ids;
        _lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _tokens = tokens;
    }

    public int Count => _ids.Count;

    /// <summary>One more than the largest id.</summary>
    public int Size => _tokens.Length;

    public int IdOf(ReadOnlySpan<char> token) => _lookup.TryGetValue(token, out var id) ? id : -1;

    public string? TokenOf(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;

    /// <summary>Reads <c>{token: id}</c>.</summary>
    public static Vocabulary Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException("model: \"vocab\" must map tokens to ids");
        var ids = new Dictionary<string, int>(json.GetPropertyCount(), StringComparer.Ordinal);
        var largest = -1;
        foreach (var entry in json.EnumerateObject())
        {
            if (!entry.Value.TryGetInt32Number(out var id) || id is < 0 or >= IdLimit)
                throw new InvalidDataException($"model: token \"{Shown(entry.Name)}\" has id {entry.Value.GetRawText()}; ids are whole numbers from 0 to {IdLimit - 1}");
            ids[entry.Name] = id;
            largest = Math.Max(largest, id);
        }

        var tokens = new string?[largest + 1];
        foreach (var (token, id) in ids)
        {
            if (tokens[id] is { } other)
                throw new InvalidDataException($"model: id {id} is given to two tokens, \"{Shown(other)}\" and \"{Shown(token)}\"");
            tokens[id] = token;
        }

        return new Vocabulary(ids, tokens);
    }

    /// <summary>The tokens of a list; a token that stands twice keeps <paramref name="last"/> or its first id.</summary>
    public static Vocabulary OfList(IReadOnlyList<string> tokens, bool last)
    {
        if (tokens.Count > IdLimit)
            throw new InvalidDataException($"model: the vocabulary has {tokens.Count} tokens; at most {IdLimit} are supported");
        var ids = new Dictionary<string, int>(tokens.Count, StringComparer.Ordinal);
        for (var id = 0; id < tokens.Count; id++)
        {
            if (last)
                ids[tokens[id]] = id;
            else
                ids.TryAdd(tokens[id], id);
        }

        return new Vocabulary(ids, [.. tokens]);
    }

    internal static string Shown(string token) => token.Length > 40 ? token[..40] + "…" : token;
}
