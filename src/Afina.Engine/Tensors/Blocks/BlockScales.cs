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
/// <param name="Map">The 16 values that a 4-bit code stands for; empty for 8-bit weights, whose codes are numbers.</param>
public sealed record BlockScales(
    int BlockSize,
    float[]? AbsMax,
    byte[]? Codes,
    float[]? NestedAbsMax,
    float[]? NestedMap,
    int NestedBlockSize,
    float Offset,
    float[] Map)
{
    /// <summary>How many blocks have a scale.</summary>
    public int Blocks => AbsMax?.Length ?? Codes!.Length;

    /// <summary>Whether the maxima are themselves quantized.</summary>
    public bool Nested => AbsMax is null;

    /// <summary>Bytes that the scales take.</summary>
    public long Bytes => 4L * ((AbsMax?.Length ?? 0) + (NestedAbsMax?.Length ?? 0) + (NestedMap?.Length ?? 0) + Map.Length) + (Codes?.Length ?? 0);

    /// <summary>The absolute maximum of a block.</summary>
    public float Scale(long block) => AbsMax is not null
        ? AbsMax[block]
        : NestedMap![Codes![block]] * NestedAbsMax![block / NestedBlockSize] + Offset;

    /// <summary>Scales in fp32.</summary>
    public static BlockScales Plain(int blockSize, float[] absMax, float[] map) => new(blockSize, absMax, null, null, null, 0, 0, map);
}
