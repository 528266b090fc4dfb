namespace Afina.Text.Tokenizers;

/// <summary>A token and the part of the original text that it stands for (UTF-16 units while encoding, code points afterwards).</summary>
/// <param name="Value">What an added token matched, white space around it included; null: the vocabulary's spelling.</param>
internal readonly record struct TokenSpan(int Id, int Start, int End, string? Value = null);
