using System.Numerics;
using System.Runtime.CompilerServices;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Scales of bitsandbytes' blocks, without calls or divisions, which would cost as much as the block itself.</summary>
internal readonly struct ScaleReader
{
    private readonly float[]? absMax;
    private readonly byte[] codes;
    private readonly float[] nested;
    private readonly float[] map;
    private readonly float offset;
    private readonly int nestedShift;

    public ScaleReader(BlockScales scales)
    {
        absMax = scales.AbsMax;
        codes = scales.Codes ?? [];
        nested = scales.NestedAbsMax ?? [];
        map = scales.NestedMap ?? [];
        offset = scales.Offset;
        nestedShift = BitOperations.Log2((uint)Math.Max(1, scales.NestedBlockSize));
        BlockShift = BitOperations.Log2((uint)scales.BlockSize);
    }

    /// <summary>Elements of a block, as a power of two.</summary>
    public int BlockShift { get; }

    /// <summary>Whether the sizes of these scales' blocks are powers of two, as all that bitsandbytes writes are.</summary>
    public static bool Reads(BlockScales scales) =>
        int.IsPow2(scales.BlockSize) && (!scales.Nested || int.IsPow2(scales.NestedBlockSize));

    /// <summary>The absolute maximum of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float At(long block) => absMax is not null ? absMax[block] : map[codes[block]] * nested[block >> nestedShift] + offset;
}
