using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Reads blocks as bfloat16 through the decoder that products of few rows use, 32 elements at a time.</summary>
internal sealed unsafe class DecodingReader<TDecoder>(TDecoder decoder, Weight weight) : MatrixReader
    where TDecoder : struct, IBlockDecoder
{
    private readonly BlockReader _other = new(weight, PanelKind.Bf16);
    private readonly byte* _data = weight.Data;
    private readonly int _blocksPerRow = weight.Columns / weight.Format.BlockElements;
    private readonly int _blockElements = weight.Format.BlockElements;
    private readonly int _blockBytes = weight.Format.BlockBytes;
    private readonly bool _aligned = weight.Columns % weight.Format.BlockElements == 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Read(int row, int rows, int column, int columns, byte* destination, int stride)
    {
        if (!_aligned || ((column | columns) & 31) != 0)
        {
            _other.Read(row, rows, column, columns, destination, stride);
            return;
        }

        var local = decoder;
        for (var r = 0; r < rows; r++)
        {
            var from = local.Row(row + r, null);
            var to = (ushort*)destination + (long)r * stride;
            for (var c = 0; c < columns; c += 32)
            {
                local.Decode(from, null, (column + c) >> 5, out var first, out var second);
                Conversions.Narrow(first).Store(to + c);
                Conversions.Narrow(second).Store(to + c + 16);
            }
        }
    }

    public override LinesAhead Lines(int row, int rows, int column, int columns)
    {
        var (first, last) = (column / _blockElements, (column + columns + _blockElements - 1) / _blockElements);
        return new(_data + ((long)row * _blocksPerRow + first) * _blockBytes, (long)_blocksPerRow * _blockBytes, rows, (last - first) * _blockBytes);
    }
}
