namespace Afina.Text.Tokenizers;

/// <summary>A text's token ids and which part of the text each stands for; tokens that stand for none have (0, 0).</summary>
/// <param name="Ids">The token ids.</param>
/// <param name="Offsets">[start, end) in code points, as the reference program counts.</param>
/// <param name="Utf16Offsets">[start, end) in UTF-16 units, to index a <see cref="string"/>.</param>
public sealed record EncodedText(
    IReadOnlyList<int> Ids,
    IReadOnlyList<(int Start, int End)> Offsets,
    IReadOnlyList<(int Start, int End)> Utf16Offsets);
