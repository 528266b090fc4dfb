using Afina.Engine.Tensors.Blocks;

namespace Afina.Formats.Gguf;

/// <summary>One tensor of a GGUF file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">The number of its format; see <see cref="BlockFormats.FromGgmlType"/>.</param>
/// <param name="Dimensions">Its dimensions as the file has them: fastest first, the reverse of Hugging Face's order.</param>
/// <param name="Format">Its format, or null for one that Afina does not read.</param>
/// <param name="Offset">The position of its first byte in the file.</param>
/// <param name="Bytes">Its size.</param>
public sealed record GgufTensor(string Name, int Type, long[] Dimensions, BlockFormat? Format, long Offset, long Bytes);
