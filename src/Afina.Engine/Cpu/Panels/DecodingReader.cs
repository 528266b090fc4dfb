using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Reads blocks through the decoder that products of few rows use, 32 elements at a time: as bfloat16 with AVX-512, as fp32 with either.</summary>
internal sealed unsafe class DecodingReader<TDecoder>(TDecoder decoder, Weight weight, PanelKind kind) : MatrixReader
    where TDecoder : struct, IBlockDecoder
{
    private readonly BlockReader _other = new(weight, kind);
    private readonly byte* _data = weight.Data;
    private readonly int _blocksPerRow = weight.Columns / weight.Format.BlockElements;
    private readonly int _blockElements = weight.Format.BlockElements;
    private readonly int _blockBytes = weight.Format.BlockBytes;
    private readonly bool _isWide = CpuFeatures.Avx512;
    private readonly bool _aligned = weight.Columns % weight.Format.BlockElements == 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Read(int row, int rows, int column, int columns, byte* destination, int stride)
    {
        // Panels of AVX2, and AVX-512's narrow ones, are half a block wide.
        if (!_aligned || ((column | columns) & (kind == PanelKind.Bf16 ? 31 : 15)) != 0)
        {
            _other.Read(row, rows, column, columns, destination, stride);
            return;
        }

        var local = decoder;
        for (var r = 0; r < rows; r++)
        {
            var from = local.Row(row + r, null);
            if (kind != PanelKind.Bf16)
            {
                if (_isWide)
                    ReadWideRow(local, from, column, columns, (float*)destination + (long)r * stride);
                else
                    ReadRow(local, from, column, columns, (float*)destination + (long)r * stride);
                continue;
            }

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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ReadWideRow(TDecoder local, byte* from, int column, int columns, float* to)
    {
        var round = kind == PanelKind.RoundedFp32;
        for (var end = column + columns; column < end;)
        {
            local.Decode(from, null, column >> 5, out var first, out var second);
            if (round)
                (first, second) = (Conversions.Rounded(first), Conversions.Rounded(second));
            if ((column & 16) == 0)
            {
                first.Store(to);
                to += 16;
                column += 16;
            }

            if (column == end)
                break;
            second.Store(to);
            to += 16;
            column += 16;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ReadRow(TDecoder local, byte* from, int column, int columns, float* to)
    {
        var round = kind == PanelKind.RoundedFp32;
        for (var end = column + columns; column < end;)
        {
            local.Decode(from, null, column >> 5, out var a, out var b, out var c, out var d);
            if (round)
                (a, b, c, d) = (Conversions.Rounded(a), Conversions.Rounded(b), Conversions.Rounded(c), Conversions.Rounded(d));
            if ((column & 16) == 0)
            {
                a.Store(to);
                b.Store(to + 8);
                to += 16;
                column += 16;
            }

            if (column == end)
                break;
            c.Store(to);
            d.Store(to + 8);
            to += 16;
            column += 16;
        }
    }
}
