using System.Numerics;
using System.Runtime.CompilerServices;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Scales of bitsandbytes' blocks, without calls or divisions, which would cost as much as the block itself.</summary>
internal readonly struct ScaleReader
{
    private readonly float[]? _absMax;
    private readonly byte[] _codes;
    private readonly float[] _nested;
    private readonly float[] _map;
    private readonly float _offset;
    private readonly int _nestedShift;

    public ScaleReader(BlockScales scales)
    {
        _absMax = scales.AbsMax;
        _codes = scales.Codes ?? [];
        _nested = scales.NestedAbsMax ?? [];
        _map = scales.NestedMap ?? [];
        _offset = scales.Offset;
        _nestedShift = BitOperations.Log2((uint)Math.Max(1, scales.NestedBlockSize));
        BlockShift = BitOperations.Log2((uint)scales.BlockSize);
    }

    /// <summary>Elements of a block, as a power of two.</summary>
    public int BlockShift { get; }

    /// <summary>Whether the sizes of these scales' blocks are powers of two, as all that bitsandbytes writes are.</summary>
    public static bool Reads(BlockScales scales) =>
        int.IsPow2(scales.BlockSize) && (!scales.Nested || int.IsPow2(scales.NestedBlockSize));

    /// <summary>The absolute maximum of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float At(long block) => _absMax is not null ? _absMax[block] : _map[_codes[block]] * _nested[block >> _nestedShift] + _offset;
}
