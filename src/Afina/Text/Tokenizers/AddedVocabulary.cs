using System.Text;
using Afina.Text.Tokenizers.Models;
using Afina.Text.Tokenizers.Normalizers;
using Afina.Text.Tokenizers.Patterns;

namespace Afina.Text.Tokenizers;

/// <summary>The added tokens of a tokenizer, and how they are found in text.</summary>
internal sealed class AddedVocabulary(Vocabulary vocabulary, Normalizer? normalizer)
{
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly Dictionary<int, AddedToken> _tokens = [];
    private readonly Dictionary<int, string> _normalizedForms = [];
    private readonly HashSet<string> _special = new(StringComparer.Ordinal);
    private readonly CharTrie _raw = new();
    private readonly CharTrie _normalized = new();
    private readonly HashSet<char> _rawFirst = [];
    private readonly HashSet<char> _normalizedFirst = [];

    public IEnumerable<KeyValuePair<int, AddedToken>> Tokens => _tokens.OrderBy(pair => pair.Key);

    /// <summary>How many of the tokens are not in the model's vocabulary.</summary>
    public int CountBeyondModel => _ids.Keys.Count(token => vocabulary.IdOf(token) < 0);

    /// <summary>One more than the largest id.</summary>
    public int Size => _tokens.Count == 0 ? 0 : _tokens.Keys.Max() + 1;

    public int IdOf(string token) => _ids.GetValueOrDefault(token, -1);

    public AddedToken? TokenOf(int id) => _tokens.GetValueOrDefault(id);

    /// <summary>What an id is decoded from: the token as the normalizer would have it.</summary>
    public string? DecodedFormOf(int id) => _normalizedForms.TryGetValue(id, out var form) ? form : _tokens.GetValueOrDefault(id)?.Content;

    public bool IsSpecial(string token) => _special.Contains(token);

    /// <summary>Adds tokens: one that the vocabulary has keeps its id, others follow behind all that are there. What a file says about
    /// ids does not count, as in the reference program.</summary>
    public void Add(IEnumerable<AddedToken> tokens)
    {
        var next = Math.Max(vocabulary.Count, Size);
        foreach (var token in tokens)
        {
            if (token.Content.Length == 0 || (_ids.TryGetValue(token.Content, out var known) && _tokens[known] == token))
                continue;
            var id = IdOf(token.Content);
            if (id < 0)
                id = vocabulary.IdOf(token.Content);
            if (id < 0)
                id = next++;
            if (id >= Vocabulary.IdLimit)
                throw new InvalidDataException($"added token \"{Vocabulary.Shown(token.Content)}\" would have id {id}; at most {Vocabulary.IdLimit} are supported");
            var form = token.Normalized && normalizer is not null ? normalizer.Apply(token.Content) : token.Content;
            if (form != token.Content)
                _normalizedForms[id] = form;
            _ids[token.Content] = id;
            _tokens[id] = token;
            if (token.Special)
                _special.Add(token.Content);
            if (form.Length == 0)
                continue;
            (token.Normalized ? _normalized : _raw).Add(form, id);
            (token.Normalized ? _normalizedFirst : _rawFirst).Add(form[0]);
        }
    }

    /// <summary>Adds those tokens that are not known yet.</summary>
    public void AddMissing(IEnumerable<AddedToken> tokens) =>
        Add(tokens.Where(token => IdOf(token.Content) < 0 && vocabulary.IdOf(token.Content) < 0).DistinctBy(token => token.Content));

    /// <summary>Finds the tokens that match raw text, or those that match normalized text: (id, start, end) in order. Leftmost, longest.</summary>
    public void Find(ReadOnlySpan<char> text, bool normalized, bool parseSpecial, List<(int Id, int Start, int End)> found)
    {
        found.Clear();
        var trie = normalized ? _normalized : _raw;
        var first = normalized ? _normalizedFirst : _rawFirst;
        if (first.Count == 0)
            return;
        var taken = 0;
        for (var at = 0; at < text.Length;)
        {
            if (!first.Contains(text[at]) || trie.Longest(text[at..]) is not ( > 0 and var length, var id))
            {
                at++;
                continue;
            }

            var (start, end) = (at, at + length);
            at = end;
            var token = _tokens[id];
            if (!parseSpecial && _special.Contains(token.Content))
                continue;
            if (token.SingleWord && (WordBefore(text[..start]) || WordAfter(text[end..])))
                continue;
            if (token.StripLeft)
            {
                while (start > 0 && char.IsWhiteSpace(text[start - 1]))
                    start--;
                start = Math.Max(start, taken);
            }

            while (token.StripRight && end < text.Length && char.IsWhiteSpace(text[end]))
                end++;
            found.Add((id, start, end));
            taken = end;
        }
    }

    private static bool WordBefore(ReadOnlySpan<char> text) =>
        text.Length > 0 && Rune.DecodeLastFromUtf16(text, out var rune, out _) == System.Buffers.OperationStatus.Done && UnicodeProperties.IsRustWord(rune.Value);

    private static bool WordAfter(ReadOnlySpan<char> text) =>
        text.Length > 0 && Rune.DecodeFromUtf16(text, out var rune, out _) == System.Buffers.OperationStatus.Done && UnicodeProperties.IsRustWord(rune.Value);
}
