using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Reads Q8_0 as bfloat16 with AVX-512.</summary>
internal sealed unsafe class Q8Reader(Weight weight) : MatrixReader
{
    private const int Block = 32;
    private const int BlockBytes = 34;

    private readonly BlockReader other = new(weight, PanelKind.Bf16);
    private readonly byte* data = weight.Data;
    private readonly int blocksPerRow = weight.Columns / Block;
    private readonly bool aligned = weight.Columns % Block == 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Read(int row, int rows, int column, int columns, byte* destination, int stride)
    {
        if (!aligned || ((column | columns) & (Block - 1)) != 0)
        {
            other.Read(row, rows, column, columns, destination, stride);
            return;
        }

        for (var r = 0; r < rows; r++)
        {
            var block = data + ((long)(row + r) * blocksPerRow + column / Block) * BlockBytes;
            var to = (ushort*)destination + (long)r * stride;
            for (var c = 0; c < columns; c += Block, block += BlockBytes)
            {
                var d = Vector512.Create(Conversions.Half(block));
                var low = Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)block + 2));
                var high = Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)block + 18));
                Conversions.Narrow(Vector512.ConvertToSingle(low) * d).Store(to + c);
                Conversions.Narrow(Vector512.ConvertToSingle(high) * d).Store(to + c + 16);
            }
        }
    }

    public override void Prefetch(int row, int rows, int column, int columns) =>
        PrefetchRows(data + ((long)row * blocksPerRow + column / Block) * BlockBytes, (long)blocksPerRow * BlockBytes, rows, (columns + Block - 1) / Block * BlockBytes);
}
