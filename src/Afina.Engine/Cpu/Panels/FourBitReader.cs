using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Reads bitsandbytes' NF4 and FP4 as bfloat16 with AVX-512: the 16 values of a block are computed and rounded once, codes look
/// them up. Blocks run on across the ends of rows, so a range may begin and end inside one.</summary>
internal sealed unsafe class FourBitReader(Weight weight) : MatrixReader
{
    private readonly byte* _data = weight.Data;
    private readonly long _columnsOfWeight = weight.Columns;
    private readonly float[] _codeValues = weight.Scales!.Map;
    private readonly ScaleReader _scales = new(weight.Scales!);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Read(int row, int rows, int column, int columns, byte* destination, int stride)
    {
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
                {
                    var at = start + i;
                    to[i] = values[(at & 1) == 0 ? _data[at >> 1] >> 4 : _data[at >> 1] & 15];
                }

                to += count;
                start += count;
                rest -= count;
            }
        }
    }

    public override LinesAhead Lines(int row, int rows, int column, int columns) =>
        new(_data + (row * _columnsOfWeight + column) / 2, _columnsOfWeight / 2, rows, columns / 2);
}
