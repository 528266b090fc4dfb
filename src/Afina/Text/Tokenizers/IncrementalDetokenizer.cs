namespace Afina.Text.Tokenizers;

/// <summary>Turns tokens that come one by one into text, holding back what may still change (half a character, above all).</summary>
public sealed class IncrementalDetokenizer
{
    private const char Replacement = '\uFFFD';
    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private List<int> _ids = [];
    private string _prefix = "";
    private int _prefixIndex;

    internal IncrementalDetokenizer(Tokenizer tokenizer, bool skipSpecialTokens)
    {
        _tokenizer = tokenizer;
        _skipSpecialTokens = skipSpecialTokens;
    }

    /// <summary>Takes the next token; the text that is certain now, or null.</summary>
    public string? Add(int id)
    {
        if (_prefix.Length == 0 && _ids.Count > 0 && Decode(_ids) is var begun && !begun.EndsWith(Replacement))
        {
            _prefix = begun;
            _prefixIndex = _ids.Count;
        }

        _ids.Add(id);
        var text = Decode(_ids);
        if (text.Length <= _prefix.Length || text.EndsWith(Replacement))
            return null;
        var fresh = text[Common(text)..];
        // The tokens before the last emitted ones no longer matter; those are kept as context.
        var next = _ids.Count - _prefixIndex;
        _ids = _ids[_prefixIndex..];
        _prefix = Decode(_ids);
        _prefixIndex = next;
        return fresh;
    }

    /// <summary>What is still held back, at the end of the tokens.</summary>
    public string Flush()
    {
        var text = Decode(_ids);
        if (_prefix.Length == 0 && _prefixIndex > 0)
            _prefix = Decode(_ids[.._prefixIndex]);
        var rest = text.Length > _prefix.Length ? text[Common(text)..] : "";
        _ids = [];
        _prefix = "";
        _prefixIndex = 0;
        return rest;
    }

    private int Common(string text) => text.StartsWith(_prefix, StringComparison.Ordinal) ? _prefix.Length : text.AsSpan().CommonPrefixLength(_prefix);

    private string Decode(List<int> ids) => _tokenizer.Decode(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ids), _skipSpecialTokens);
}
