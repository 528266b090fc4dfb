using Afina.Text.Tokenizers.Models;

namespace Afina.Text.Tokenizers;

/// <summary>How text becomes tokens and back: as the reference program runs a tokenizer.json, or as llama.cpp runs a GGUF vocabulary.</summary>
internal interface ITokenization
{
    AddedVocabulary Added { get; }

    Vocabulary Vocabulary { get; }

    /// <summary>Whether decoded text may be cleaned up.</summary>
    bool CleansUp { get; }

    /// <summary>Tokens with spans in code points; without <paramref name="offsets"/> the spans mean nothing. <paramref name="instead"/> takes the
    /// place of the tokenizer's own truncation and padding.</summary>
    List<TokenSpan> Encode(string text, bool addSpecialTokens, bool parseSpecialTokens, bool offsets, Truncation? instead = null);

    string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens);
}
