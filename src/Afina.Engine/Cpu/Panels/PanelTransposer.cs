using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Packs lanes whose inner dimension is contiguous: a transposition of 32-bit elements (an fp32, or a pair of bfloat16).</summary>
internal static unsafe class PanelTransposer
{
    /// <summary>Bytes between what is read and what is asked for: four cache lines.</summary>
    private const int Ahead = 256;

    /// <summary>destination[step * width + lane] = source[lane][step]; lanes from <paramref name="lanes"/> to <paramref name="width"/> become zero.</summary>
    public static void Pack(byte* source, long strideBytes, int lanes, int steps, uint* destination, int width)
    {
        if (Avx512F.IsSupported)
        {
            for (var lane = 0; lane < width; lane += 16)
                Pack16(source + lane * strideBytes, strideBytes, Math.Min(16, lanes - lane), steps, destination + lane, width, Math.Min(16, width - lane));
            return;
        }

        if (Avx.IsSupported)
        {
            for (var lane = 0; lane < width; lane += 8)
                Pack8(source + lane * strideBytes, strideBytes, Math.Min(8, lanes - lane), steps, (float*)destination + lane, width, Math.Min(8, width - lane));
            return;
        }

        for (var lane = 0; lane < width; lane++)
        {
            var from = (uint*)(source + lane * strideBytes);
            if (lane < lanes)
            {
                for (var s = 0; s < steps; s++)
                    destination[(long)s * width + lane] = from[s];
            }
            else
            {
                for (var s = 0; s < steps; s++)
                    destination[(long)s * width + lane] = 0;
            }
        }
    }

    /// <summary>Up to 8 lanes, 8 steps at a time in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pack8(byte* source, long strideBytes, int lanes, int steps, float* destination, int width, int stored)
    {
        var rows = stackalloc float*[8];
        var zeros = stackalloc float[8];
        new Span<float>(zeros, 8).Clear();
        for (var i = 0; i < 8; i++)
            rows[i] = i < lanes ? (float*)(source + i * strideBytes) : zeros;
        var turned = stackalloc float[64];
        var s = 0;
        for (; s <= steps - 8; s += 8)
        {
            if (stored == 8)
                Transpose8(rows, destination, width);
            else
                Transpose8(rows, turned, 8);
            for (var step = 0; stored < 8 && step < 8; step++)
                new ReadOnlySpan<float>(turned + 8 * step, stored).CopyTo(new Span<float>(destination + (long)step * width, stored));
            for (var i = 0; i < lanes; i++)
                rows[i] += 8;
            destination += 8L * width;
        }

        for (; s < steps; s++)
        {
            for (var i = 0; i < stored; i++)
                destination[i] = i < lanes ? *rows[i]++ : 0;
            destination += width;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose8(float** rows, float* to, long stride)
    {
        var t0 = Avx.UnpackLow(Vector256.Load(rows[0]), Vector256.Load(rows[1]));
        var t1 = Avx.UnpackHigh(Vector256.Load(rows[0]), Vector256.Load(rows[1]));
        var t2 = Avx.UnpackLow(Vector256.Load(rows[2]), Vector256.Load(rows[3]));
        var t3 = Avx.UnpackHigh(Vector256.Load(rows[2]), Vector256.Load(rows[3]));
        var t4 = Avx.UnpackLow(Vector256.Load(rows[4]), Vector256.Load(rows[5]));
        var t5 = Avx.UnpackHigh(Vector256.Load(rows[4]), Vector256.Load(rows[5]));
        var t6 = Avx.UnpackLow(Vector256.Load(rows[6]), Vector256.Load(rows[7]));
        var t7 = Avx.UnpackHigh(Vector256.Load(rows[6]), Vector256.Load(rows[7]));
        var (a0, a1, a2, a3) = (Avx.Shuffle(t0, t2, 0x44), Avx.Shuffle(t0, t2, 0xEE), Avx.Shuffle(t1, t3, 0x44), Avx.Shuffle(t1, t3, 0xEE));
        var (b0, b1, b2, b3) = (Avx.Shuffle(t4, t6, 0x44), Avx.Shuffle(t4, t6, 0xEE), Avx.Shuffle(t5, t7, 0x44), Avx.Shuffle(t5, t7, 0xEE));
        Avx.Permute2x128(a0, b0, 0x20).Store(to);
        Avx.Permute2x128(a1, b1, 0x20).Store(to + stride);
        Avx.Permute2x128(a2, b2, 0x20).Store(to + 2 * stride);
        Avx.Permute2x128(a3, b3, 0x20).Store(to + 3 * stride);
        Avx.Permute2x128(a0, b0, 0x31).Store(to + 4 * stride);
        Avx.Permute2x128(a1, b1, 0x31).Store(to + 5 * stride);
        Avx.Permute2x128(a2, b2, 0x31).Store(to + 6 * stride);
        Avx.Permute2x128(a3, b3, 0x31).Store(to + 7 * stride);
    }

    /// <summary>Up to 16 lanes, 16 steps at a time in registers; lanes that do not exist read the last one and are masked away.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pack16(byte* source, long strideBytes, int lanes, int steps, uint* destination, int width, int stored)
    {
        var offsets = stackalloc long[16];
        for (var i = 0; i < 16; i++)
            offsets[i] = Math.Clamp(i, 0, Math.Max(lanes - 1, 0)) * strideBytes;
        var keep = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(lanes)).AsUInt32();
        var mask = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(stored)).AsUInt32();
        var s = 0;
        if (lanes > 0)
        {
            for (; s <= steps - 16; s += 16, source += 64, destination += 16L * width)
                Transpose(source, offsets, destination, width, stored == 16 && lanes >= 16, keep, mask);
        }

        for (; s < steps; s++, source += 4, destination += width)
        {
            for (var i = 0; i < stored; i++)
                destination[i] = i < lanes ? *(uint*)(source + offsets[i]) : 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(byte* source, long* offsets, uint* destination, int width, bool full, Vector512<uint> keep, Vector512<uint> mask)
    {
        // More streams than the processor follows by itself; asking beyond the end is harmless.
        for (var i = 0; i < 16; i += 4)
        {
            Sse.Prefetch0(source + offsets[i] + Ahead);
            Sse.Prefetch0(source + offsets[i + 1] + Ahead);
            Sse.Prefetch0(source + offsets[i + 2] + Ahead);
            Sse.Prefetch0(source + offsets[i + 3] + Ahead);
        }

        // Rounds one and two: 4x4 blocks of 32-bit elements inside each 128-bit lane.
        var t0 = Avx512F.UnpackLow(Load(source, offsets[0]), Load(source, offsets[1]));
        var t1 = Avx512F.UnpackHigh(Load(source, offsets[0]), Load(source, offsets[1]));
        var t2 = Avx512F.UnpackLow(Load(source, offsets[2]), Load(source, offsets[3]));
        var t3 = Avx512F.UnpackHigh(Load(source, offsets[2]), Load(source, offsets[3]));
        var a0 = Unpack64Low(t0, t2);
        var a1 = Unpack64High(t0, t2);
        var a2 = Unpack64Low(t1, t3);
        var a3 = Unpack64High(t1, t3);
        t0 = Avx512F.UnpackLow(Load(source, offsets[4]), Load(source, offsets[5]));
        t1 = Avx512F.UnpackHigh(Load(source, offsets[4]), Load(source, offsets[5]));
        t2 = Avx512F.UnpackLow(Load(source, offsets[6]), Load(source, offsets[7]));
        t3 = Avx512F.UnpackHigh(Load(source, offsets[6]), Load(source, offsets[7]));
        var b0 = Unpack64Low(t0, t2);
        var b1 = Unpack64High(t0, t2);
        var b2 = Unpack64Low(t1, t3);
        var b3 = Unpack64High(t1, t3);
        t0 = Avx512F.UnpackLow(Load(source, offsets[8]), Load(source, offsets[9]));
        t1 = Avx512F.UnpackHigh(Load(source, offsets[8]), Load(source, offsets[9]));
        t2 = Avx512F.UnpackLow(Load(source, offsets[10]), Load(source, offsets[11]));
        t3 = Avx512F.UnpackHigh(Load(source, offsets[10]), Load(source, offsets[11]));
        var c0 = Unpack64Low(t0, t2);
        var c1 = Unpack64High(t0, t2);
        var c2 = Unpack64Low(t1, t3);
        var c3 = Unpack64High(t1, t3);
        t0 = Avx512F.UnpackLow(Load(source, offsets[12]), Load(source, offsets[13]));
        t1 = Avx512F.UnpackHigh(Load(source, offsets[12]), Load(source, offsets[13]));
        t2 = Avx512F.UnpackLow(Load(source, offsets[14]), Load(source, offsets[15]));
        t3 = Avx512F.UnpackHigh(Load(source, offsets[14]), Load(source, offsets[15]));
        var d0 = Unpack64Low(t0, t2);
        var d1 = Unpack64High(t0, t2);
        var d2 = Unpack64Low(t1, t3);
        var d3 = Unpack64High(t1, t3);

        // Rounds three and four: whole 128-bit lanes. Column 4 * lane + i is lane `lane` of a_i, b_i, c_i, d_i.
        Quarter(a0, b0, c0, d0, destination, width, full, keep, mask);
        Quarter(a1, b1, c1, d1, destination + width, width, full, keep, mask);
        Quarter(a2, b2, c2, d2, destination + 2L * width, width, full, keep, mask);
        Quarter(a3, b3, c3, d3, destination + 3L * width, width, full, keep, mask);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quarter(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c, Vector512<uint> d, uint* destination, int width, bool full, Vector512<uint> keep, Vector512<uint> mask)
    {
        var x = Avx512F.Shuffle4x128(a, b, 0x44);
        var y = Avx512F.Shuffle4x128(a, b, 0xEE);
        var z = Avx512F.Shuffle4x128(c, d, 0x44);
        var w = Avx512F.Shuffle4x128(c, d, 0xEE);
        var r0 = Avx512F.Shuffle4x128(x, z, 0x88);
        var r1 = Avx512F.Shuffle4x128(x, z, 0xDD);
        var r2 = Avx512F.Shuffle4x128(y, w, 0x88);
        var r3 = Avx512F.Shuffle4x128(y, w, 0xDD);
        if (full)
        {
            r0.Store(destination);
            r1.Store(destination + 4L * width);
            r2.Store(destination + 8L * width);
            r3.Store(destination + 12L * width);
        }
        else
        {
            Avx512F.MaskStore(destination, mask, r0 & keep);
            Avx512F.MaskStore(destination + 4L * width, mask, r1 & keep);
            Avx512F.MaskStore(destination + 8L * width, mask, r2 & keep);
            Avx512F.MaskStore(destination + 12L * width, mask, r3 & keep);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Load(byte* source, long offset) => Vector512.Load((uint*)(source + offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Unpack64Low(Vector512<uint> a, Vector512<uint> b) => Avx512F.UnpackLow(a.AsUInt64(), b.AsUInt64()).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Unpack64High(Vector512<uint> a, Vector512<uint> b) => Avx512F.UnpackHigh(a.AsUInt64(), b.AsUInt64()).AsUInt32();
}
