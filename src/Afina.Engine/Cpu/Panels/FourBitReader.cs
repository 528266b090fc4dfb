using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Reads bitsandbytes' NF4 and FP4, as bfloat16 with AVX-512, as fp32 with either: the 16 values of a block are computed and rounded once,
/// codes look them up. Blocks run on across the ends of rows, so a range may begin and end inside one.</summary>
internal sealed unsafe class FourBitReader(Weight weight, PanelKind kind) : MatrixReader
{
    private readonly byte* _data = weight.Data;
    private readonly long _columnsOfWeight = weight.Columns;
    private readonly float[] _codeValues = weight.Scales!.Map;
    private readonly ScaleReader _scales = new(weight.Scales!);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Read(int row, int rows, int column, int columns, byte* destination, int stride)
    {
        if (kind != PanelKind.Bf16)
        {
            for (var r = 0; r < rows; r++)
            {
                var start = (row + r) * _columnsOfWeight + column;
                var to = (float*)destination + (long)r * stride;
                if (CpuFeatures.Avx512)
                    ReadWideRow(start, columns, to);
                else
                    ReadRow(start, columns, to);
            }

            return;
        }

        var map = Vector512.Create(_codeValues.AsSpan());
        var values = stackalloc ushort[16];
        for (var r = 0; r < rows; r++)
        {
            var start = (row + r) * _columnsOfWeight + column;
            var to = (ushort*)destination + (long)r * stride;
            for (var rest = columns; rest > 0;)
            {
                var block = start >> _scales.BlockShift;
                var count = (int)Math.Min(rest, ((block + 1) << _scales.BlockShift) - start);
                var table = Conversions.Narrow(map * _scales.At(block));
                var i = 0;
                if ((start & 1) == 0)
                {
                    var wide = table.ToVector512Unsafe();
                    var codes = _data + (start >> 1);
                    for (; i <= count - 32; i += 32, codes += 16)
                    {
                        // One 32-bit lane per byte: its high half is the first element, its low half the second.
                        var bytes = Avx512F.ConvertToVector512UInt32(Vector128.Load(codes));
                        var indices = (bytes >>> 4) | ((bytes & Vector512.Create(15u)) << 16);
                        Avx512BW.PermuteVar32x16(wide, indices.AsUInt16()).Store(to + i);
                    }
                }

                if (i < count)
                    table.Store(values);
                for (; i < count; i++)
                    to[i] = values[Code(start + i)];

                to += count;
                start += count;
                rest -= count;
            }
        }
    }

    public override LinesAhead Lines(int row, int rows, int column, int columns) =>
        new(_data + (row * _columnsOfWeight + column) / 2, _columnsOfWeight / 2, rows, columns / 2);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ReadRow(long start, int columns, float* to)
    {
        fixed (float* map = _codeValues)
        {
            var round = kind == PanelKind.RoundedFp32;
            var shifts = Vector256.Create(4u, 0, 12, 8, 20, 16, 28, 24);
            for (var rest = columns; rest > 0;)
            {
                var block = start >> _scales.BlockShift;
                var count = (int)Math.Min(rest, ((block + 1) << _scales.BlockShift) - start);
                var scale = Vector256.Create(_scales.At(block));
                var (lower, upper) = (Vector256.Load(map) * scale, Vector256.Load(map + 8) * scale);
                if (round)
                    (lower, upper) = (Conversions.Rounded(lower), Conversions.Rounded(upper));
                var i = 0;
                for (; (start & 1) == 0 && i <= count - 8; i += 8)
                {
                    // Of each byte the high half is the first element, the low half the second.
                    var codes = Avx2.ShiftRightLogicalVariable(Vector256.Create(Unsafe.ReadUnaligned<uint>(_data + ((start + i) >> 1))), shifts);
                    FourBitDecoder.LookUp(lower, upper, codes.AsInt32()).Store(to + i);
                }

                for (; i < count; i++)
                {
                    var code = Code(start + i);
                    to[i] = code < 8 ? lower.GetElement(code) : upper.GetElement(code - 8);
                }

                to += count;
                start += count;
                rest -= count;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ReadWideRow(long start, int columns, float* to)
    {
        var round = kind == PanelKind.RoundedFp32;
        var map = Vector512.Create(_codeValues.AsSpan());
        var halves = Vector512.Create(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
        var shifts = Vector512.Create(4u, 0, 12, 8, 20, 16, 28, 24, 4, 0, 12, 8, 20, 16, 28, 24);
        for (var rest = columns; rest > 0;)
        {
            var block = start >> _scales.BlockShift;
            var count = (int)Math.Min(rest, ((block + 1) << _scales.BlockShift) - start);
            var values = map * _scales.At(block);
            if (round)
                values = Conversions.Rounded(values);
            var i = 0;
            for (; (start & 1) == 0 && i <= count - 16; i += 16)
            {
                // Each lane gets the four bytes that its code is in; of each byte the high half is the first element, the low half the second.
                var bytes = Vector512.Create(Unsafe.ReadUnaligned<ulong>(_data + ((start + i) >> 1))).AsInt32();
                var codes = Avx512F.ShiftRightLogicalVariable(Avx512F.PermuteVar16x32(bytes, halves).AsUInt32(), shifts);
                Avx512F.PermuteVar16x32(values, codes.AsInt32()).Store(to + i);
            }

            for (; i < count; i++)
                to[i] = values.GetElement(Code(start + i));
            to += count;
            start += count;
            rest -= count;
        }
    }

    /// <summary>The code of an element of the weight.</summary>
    private int Code(long at) => (at & 1) == 0 ? _data[at >> 1] >> 4 : _data[at >> 1] & 15;
}
