namespace Afina.Engine.Tensors.Blocks;

/// <summary>The scales of a bitsandbytes-quantized tensor: one absolute maximum per block of the flattened tensor, in fp32, or itself
/// quantized to 8 bits (double quantization).</summary>
/// <param name="BlockSize">Elements per block; blocks run on across the ends of rows.</param>
/// <param name="AbsMax">fp32 maxima, one per block; null when nested.</param>
/// <param name="Codes">8-bit codes of the maxima when nested, otherwise null.</param>
/// <param name="NestedAbsMax">fp32 maxima per <paramref name="NestedBlockSize"/> codes.</param>
/// <param name="NestedMap">256 values that a code stands for.</param>
/// <param name="NestedBlockSize">Codes per nested block (256).</param>
/// <param name="Offset">Added to each decoded maximum.</param>
/// <param name="Map">The 16 values that a 4-bit code stands for.</param>
public sealed record BlockScales(
    int BlockSize,
    float[]? AbsMax,
    byte[]? Codes,
    float[]? NestedAbsMax,
    float[]? NestedMap,
    int NestedBlockSize,
    float Offset,
    float[] Map);
