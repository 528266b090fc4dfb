namespace Afina.Data.Packing;

/// <summary>Documents joined to one row, as TRL packs them.</summary>
/// <param name="Tokens">The token ids.</param>
/// <param name="Labels">The labels, as in <see cref="TokenizedExample"/>.</param>
/// <param name="Lengths">The length of each document; null where documents were joined without borders.</param>
internal sealed record PackedRow(int[] Tokens, int[] Labels, int[]? Lengths);
