using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Packs inner rows whose lanes are contiguous: copies of fp32 rows, or pairs of bfloat16 rows interleaved.</summary>
internal static unsafe class PanelInterleaver
{
    /// <summary>destination[row * width + lane] = source[row][lane]; missing lanes become zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackFp32(float* source, long stride, int lanes, int rows, float* destination, int width)
    {
        if (lanes == 8 && width == 8)
        {
            for (var r = 0; r < rows; r++)
                Vector256.Load(source + r * stride).Store(destination + r * 8L);
            return;
        }

        for (var r = 0; r < rows; r++)
        {
            new ReadOnlySpan<float>(source, lanes).CopyTo(new Span<float>(destination, lanes));
            if (lanes < width)
                new Span<float>(destination + lanes, width - lanes).Clear();
            source += stride;
            destination += width;
        }
    }

    /// <summary>The same with bfloat16 that are widened.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackWidened(ushort* source, long stride, int lanes, int rows, float* destination, int width)
    {
        for (var r = 0; r < rows; r++, source += stride, destination += width)
        {
            var lane = 0;
            for (; lane <= lanes - 16; lane += 16)
                Conversions.Widen(Vector256.Load(source + lane)).Store(destination + lane);
            for (; lane <= lanes - 8; lane += 8)
                (Vector256.WidenLower(Vector128.Load(source + lane).ToVector256Unsafe()) << 16).AsSingle().Store(destination + lane);
            for (; lane < lanes; lane++)
                destination[lane] = BFloat16.ToSingle(source[lane]);
            for (; lane < width; lane++)
                destination[lane] = 0;
        }
    }

    /// <summary>destination[(row / 2 * width + lane) * 2 + row % 2] = source[row][lane]; missing lanes and the missing last row become zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackBf16(ushort* source, long stride, int lanes, int rows, ushort* destination, int width)
    {
        var r = 0;
        if (Avx512BW.VL.IsSupported)
        {
            r = rows & ~1;
            if (lanes == 32 && width == 32)
                Pack32(source, stride, r, destination);
            else
                PackMasked(source, stride, lanes, r, destination, width);
        }

        for (destination += (long)r * width; r < rows; r += 2, destination += 2 * width)
        {
            var even = source + r * stride;
            var odd = r + 1 < rows ? even + stride : null;
            for (var lane = 0; lane < width; lane++)
            {
                destination[2 * lane] = lane < lanes ? even[lane] : (ushort)0;
                destination[2 * lane + 1] = lane < lanes && odd is not null ? odd[lane] : (ushort)0;
            }
        }
    }

    /// <summary>A pair of rows of 32 lanes: two loads, two lookups in both, two stores.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pack32(ushort* source, long stride, int rows, ushort* destination)
    {
        var lanes = Vector512<uint>.Indices;
        var low = (lanes | ((lanes + Vector512.Create(32u)) << 16)).AsUInt16();
        var high = low + Vector512.Create((ushort)16);
        for (var r = 0; r < rows; r += 2, source += 2 * stride, destination += 64)
        {
            // Rows are too far apart for the processor to foresee; asking beyond the end is harmless.
            Sse.Prefetch0(source + 16 * stride);
            Sse.Prefetch0(source + 17 * stride);
            var (even, odd) = (Vector512.Load(source), Vector512.Load(source + stride));
            Avx512BW.PermuteVar32x16x2(even, low, odd).Store(destination);
            Avx512BW.PermuteVar32x16x2(even, high, odd).Store(destination + 32);
        }
    }

    /// <summary>Any number of lanes, 16 at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackMasked(ushort* source, long stride, int lanes, int rows, ushort* destination, int width)
    {
        for (var lane = 0; lane < width; lane += 16)
        {
            var read = Vector256.LessThan(Vector256<ushort>.Indices, Vector256.Create((ushort)Math.Clamp(lanes - lane, 0, 16)));
            var write = Vector512.LessThan(Vector512<uint>.Indices, Vector512.Create((uint)(width - lane)));
            var (from, to) = ((nint)(source + lane), (nint)(destination + 2 * lane));
            for (var r = 0; r < rows; r += 2, from += (nint)(4 * stride), to += 4 * width)
            {
                var even = Avx512F.ConvertToVector512UInt32(Avx512BW.VL.MaskLoad((ushort*)from, read, Vector256<ushort>.Zero));
                var odd = Avx512F.ConvertToVector512UInt32(Avx512BW.VL.MaskLoad((ushort*)from + stride, read, Vector256<ushort>.Zero));
                Avx512F.MaskStore((uint*)to, write, even | (odd << 16));
            }
        }
    }
}
