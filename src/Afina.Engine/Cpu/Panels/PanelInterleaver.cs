using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Packs inner rows whose lanes are contiguous: copies of fp32 rows, or pairs of bfloat16 rows interleaved.</summary>
internal static unsafe class PanelInterleaver
{
    /// <summary>destination[row * width + lane] = source[row][lane]; missing lanes become zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackFp32(float* source, long stride, int lanes, int rows, float* destination, int width)
    {
        for (var r = 0; r < rows; r++)
        {
            new ReadOnlySpan<float>(source, lanes).CopyTo(new Span<float>(destination, lanes));
            if (lanes < width)
                new Span<float>(destination + lanes, width - lanes).Clear();
            source += stride;
            destination += width;
        }
    }

    /// <summary>destination[(row / 2 * width + lane) * 2 + row % 2] = source[row][lane]; missing lanes and the missing last row become zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackBf16(ushort* source, long stride, int lanes, int rows, ushort* destination, int width)
    {
        var vectors = Avx512BW.IsSupported && lanes == width && width % 16 == 0;
        for (var r = 0; r < rows; r += 2)
        {
            var even = source + r * stride;
            var odd = r + 1 < rows ? even + stride : null;
            var lane = 0;
            if (vectors && odd is not null)
            {
                for (; lane < lanes; lane += 16)
                {
                    var low = Avx512F.ConvertToVector512UInt32(Vector256.Load(even + lane));
                    var high = Avx512F.ConvertToVector512UInt32(Vector256.Load(odd + lane)) << 16;
                    (low | high).AsUInt16().Store(destination + 2 * lane);
                }
            }

            for (; lane < lanes; lane++)
            {
                destination[2 * lane] = even[lane];
                destination[2 * lane + 1] = odd is null ? (ushort)0 : odd[lane];
            }

            if (lanes < width)
                new Span<ushort>(destination + 2 * lanes, 2 * (width - lanes)).Clear();
            destination += 2 * width;
        }
    }
}
