using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Reads Q4_0 and Q4_1 as bfloat16 with AVX-512: the 16 values of a block are computed and rounded once, codes look them up.</summary>
internal sealed unsafe class Q4Reader(Weight weight) : MatrixReader
{
    private const int Block = 32;

    private readonly BlockReader _other = new(weight, PanelKind.Bf16);
    private readonly byte* _data = weight.Data;
    private readonly int _blockBytes = weight.Format.BlockBytes;
    private readonly int _blocksPerRow = weight.Columns / Block;
    private readonly bool _aligned = weight.Columns % Block == 0;
    private readonly bool _hasMinimum = weight.Format.Name == "Q4_1";

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Read(int row, int rows, int column, int columns, byte* destination, int stride)
    {
        if (!_aligned || ((column | columns) & (Block - 1)) != 0)
        {
            _other.Read(row, rows, column, columns, destination, stride);
            return;
        }

        // Lanes 0 to 15 look up the low halves of bytes 0 to 15, lanes 16 to 31 the high halves.
        for (var r = 0; r < rows; r++)
        {
            var block = _data + ((long)(row + r) * _blocksPerRow + column / Block) * _blockBytes;
            var to = (ushort*)destination + (long)r * stride;
            for (var c = 0; c < columns; c += Block, block += _blockBytes)
            {
                var table = Conversions.Narrow(_hasMinimum ? Q4Values.WithMinimum(block) : Q4Values.Symmetric(block)).ToVector512Unsafe();
                var codes = Avx2.ConvertToVector256Int16(Vector128.Load(block + _blockBytes - 16)).AsUInt16();
                var indices = Vector512.Create(codes & Vector256.Create((ushort)15), codes >>> 4);
                Avx512BW.PermuteVar32x16(table, indices).Store(to + c);
            }
        }
    }

    public override LinesAhead Lines(int row, int rows, int column, int columns) =>
        new(_data + ((long)row * _blocksPerRow + column / Block) * _blockBytes, (long)_blocksPerRow * _blockBytes, rows, (columns + Block - 1) / Block * _blockBytes);
}
