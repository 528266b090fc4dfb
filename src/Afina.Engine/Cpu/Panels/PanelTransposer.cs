using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Packs lanes whose inner dimension is contiguous: a transposition of 32-bit elements: an fp32, or a pair of bfloat16.</summary>
internal static unsafe class PanelTransposer
{
    /// <summary>Bytes between what is read and what is asked for: four cache lines.</summary>
    private const int Ahead = 256;

    /// <summary>destination[step * width + lane] = source[lane][step]; lanes from <paramref name="lanes"/> to <paramref name="width"/> become zero.</summary>
    public static void Pack(byte* source, long strideBytes, int lanes, int steps, uint* destination, int width) =>
        Pack<Plain>(source, strideBytes, lanes, steps, destination, width);

    /// <summary>Pairs of bfloat16; the second half of a last odd pair becomes zero.</summary>
    public static void PackPairs(ushort* source, long stride, int lanes, int count, uint* destination, int width)
    {
        Pack<Plain>((byte*)source, stride * 2, lanes, count / 2, destination, width);
        if (count % 2 == 0)
            return;
        destination += (long)(count / 2) * width;
        for (var l = 0; l < width; l++)
            destination[l] = l < lanes ? source[l * stride + count - 1] : 0u;
    }

    /// <summary>bfloat16 that are widened: transposed as pairs, each of which becomes two steps.</summary>
    public static void PackWidened(ushort* source, long stride, int lanes, int count, float* destination, int width)
    {
        Pack<Widened>((byte*)source, stride * 2, lanes, count / 2, (uint*)destination, width);
        if (count % 2 == 0)
            return;
        destination += (long)(count - 1) * width;
        for (var l = 0; l < width; l++)
            destination[l] = l < lanes ? BFloat16.ToSingle(source[l * stride + count - 1]) : 0;
    }

    private static void Pack<TStore>(byte* source, long strideBytes, int lanes, int steps, uint* destination, int width)
        where TStore : struct, IStepStore
    {
        var lane = 0;
        // 16 lanes at a time cost as much as 8 twice, and half of that is lost on 8.
        for (; Avx512F.IsSupported && width - lane > 8; lane += 16)
            Pack16<TStore>(source + lane * strideBytes, strideBytes, Math.Min(16, lanes - lane), steps, destination + lane, width, Math.Min(16, width - lane));
        for (; Avx.IsSupported && lane < width; lane += 8)
            Pack8<TStore>(source + lane * strideBytes, strideBytes, Math.Min(8, lanes - lane), steps, destination + lane, width, Math.Min(8, width - lane));
        for (; lane < width; lane++)
        {
            var from = (uint*)(source + lane * strideBytes);
            for (var s = 0; s < steps; s++)
                TStore.Put(destination + lane, s, width, lane < lanes ? from[s] : 0);
        }
    }

    /// <summary>How a transposed step is written: as it is, or as two.</summary>
    private interface IStepStore
    {
        /// <summary>Steps written for one that is read.</summary>
        static abstract int Steps { get; }

        static abstract void Put(uint* destination, long step, long width, Vector512<uint> lanes);

        static abstract void Put(uint* destination, long step, long width, Vector512<uint> lanes, Vector512<uint> mask);

        static abstract void Put(uint* destination, long step, long width, Vector256<uint> lanes);

        static abstract void Put(uint* destination, long step, long width, uint lane);
    }

    private readonly struct Plain : IStepStore
    {
        public static int Steps => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Put(uint* destination, long step, long width, Vector512<uint> lanes) => lanes.Store(destination + step * width);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Put(uint* destination, long step, long width, Vector512<uint> lanes, Vector512<uint> mask) =>
            Avx512F.MaskStore(destination + step * width, mask, lanes);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Put(uint* destination, long step, long width, Vector256<uint> lanes) => lanes.Store(destination + step * width);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Put(uint* destination, long step, long width, uint lane) => destination[step * width] = lane;
    }

    private readonly struct Widened : IStepStore
    {
        private const uint Upper = 0xFFFF_0000;

        public static int Steps => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Put(uint* destination, long step, long width, Vector512<uint> lanes)
        {
            (lanes << 16).Store(destination + 2 * step * width);
            (lanes & Vector512.Create(Upper)).Store(destination + (2 * step + 1) * width);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Put(uint* destination, long step, long width, Vector512<uint> lanes, Vector512<uint> mask)
        {
            Avx512F.MaskStore(destination + 2 * step * width, mask, lanes << 16);
            Avx512F.MaskStore(destination + (2 * step + 1) * width, mask, lanes & Vector512.Create(Upper));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Put(uint* destination, long step, long width, Vector256<uint> lanes)
        {
            (lanes << 16).Store(destination + 2 * step * width);
            (lanes & Vector256.Create(Upper)).Store(destination + (2 * step + 1) * width);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Put(uint* destination, long step, long width, uint lane)
        {
            destination[2 * step * width] = lane << 16;
            destination[(2 * step + 1) * width] = lane & Upper;
        }
    }

    /// <summary>Up to 8 lanes, 8 steps at a time in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pack8<TStore>(byte* source, long strideBytes, int lanes, int steps, uint* destination, int width, int stored)
        where TStore : struct, IStepStore
    {
        var rows = stackalloc uint*[8];
        var zeros = stackalloc uint[8];
        new Span<uint>(zeros, 8).Clear();
        for (var i = 0; i < 8; i++)
            rows[i] = i < lanes ? (uint*)(source + i * strideBytes) : zeros;
        var turned = stackalloc uint[2 * 64];
        var s = 0;
        for (; s <= steps - 8; s += 8)
        {
            // Where lanes end before the eighth, the next step writes over what is too much; only after the last one nothing does.
            if (stored == 8 || (stored == width && s + 8 < steps))
            {
                Transpose8<TStore>(rows, destination, width);
            }
            else
            {
                Transpose8<TStore>(rows, turned, 8);
                for (var step = 0; step < 8 * TStore.Steps; step++)
                    new ReadOnlySpan<uint>(turned + 8 * step, stored).CopyTo(new Span<uint>(destination + (long)step * width, stored));
            }

            for (var i = 0; i < lanes; i++)
                rows[i] += 8;
            destination += 8L * TStore.Steps * width;
        }

        for (; s < steps; s++)
        {
            for (var i = 0; i < stored; i++)
                TStore.Put(destination + i, 0, width, i < lanes ? *rows[i]++ : 0);
            destination += TStore.Steps * width;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose8<TStore>(uint** from, uint* to, long stride)
        where TStore : struct, IStepStore
    {
        var rows = (float**)from;
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
        TStore.Put(to, 0, stride, Avx.Permute2x128(a0, b0, 0x20).AsUInt32());
        TStore.Put(to, 1, stride, Avx.Permute2x128(a1, b1, 0x20).AsUInt32());
        TStore.Put(to, 2, stride, Avx.Permute2x128(a2, b2, 0x20).AsUInt32());
        TStore.Put(to, 3, stride, Avx.Permute2x128(a3, b3, 0x20).AsUInt32());
        TStore.Put(to, 4, stride, Avx.Permute2x128(a0, b0, 0x31).AsUInt32());
        TStore.Put(to, 5, stride, Avx.Permute2x128(a1, b1, 0x31).AsUInt32());
        TStore.Put(to, 6, stride, Avx.Permute2x128(a2, b2, 0x31).AsUInt32());
        TStore.Put(to, 7, stride, Avx.Permute2x128(a3, b3, 0x31).AsUInt32());
    }

    /// <summary>Up to 16 lanes, 16 steps at a time in registers; lanes that do not exist read the last one and are masked away.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pack16<TStore>(byte* source, long strideBytes, int lanes, int steps, uint* destination, int width, int stored)
        where TStore : struct, IStepStore
    {
        var offsets = stackalloc long[16];
        for (var i = 0; i < 16; i++)
            offsets[i] = Math.Clamp(i, 0, Math.Max(lanes - 1, 0)) * strideBytes;
        var keep = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(lanes)).AsUInt32();
        var mask = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(stored)).AsUInt32();
        var s = 0;
        if (lanes > 0)
        {
            for (; s <= steps - 16; s += 16, source += 64, destination += 16L * TStore.Steps * width)
                Transpose<TStore>(source, offsets, destination, width, stored == 16 && lanes >= 16, keep, mask);
        }

        for (; s < steps; s++, source += 4, destination += TStore.Steps * width)
        {
            for (var i = 0; i < stored; i++)
                TStore.Put(destination + i, 0, width, i < lanes ? *(uint*)(source + offsets[i]) : 0);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose<TStore>(byte* source, long* offsets, uint* destination, int width, bool full, Vector512<uint> keep, Vector512<uint> mask)
        where TStore : struct, IStepStore
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
        Quarter<TStore>(a0, b0, c0, d0, destination, 0, width, full, keep, mask);
        Quarter<TStore>(a1, b1, c1, d1, destination, 1, width, full, keep, mask);
        Quarter<TStore>(a2, b2, c2, d2, destination, 2, width, full, keep, mask);
        Quarter<TStore>(a3, b3, c3, d3, destination, 3, width, full, keep, mask);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quarter<TStore>(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c, Vector512<uint> d, uint* destination, int step, int width, bool full, Vector512<uint> keep, Vector512<uint> mask)
        where TStore : struct, IStepStore
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
            TStore.Put(destination, step, width, r0);
            TStore.Put(destination, step + 4, width, r1);
            TStore.Put(destination, step + 8, width, r2);
            TStore.Put(destination, step + 12, width, r3);
        }
        else
        {
            TStore.Put(destination, step, width, r0 & keep, mask);
            TStore.Put(destination, step + 4, width, r1 & keep, mask);
            TStore.Put(destination, step + 8, width, r2 & keep, mask);
            TStore.Put(destination, step + 12, width, r3 & keep, mask);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Load(byte* source, long offset) => Vector512.Load((uint*)(source + offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Unpack64Low(Vector512<uint> a, Vector512<uint> b) => Avx512F.UnpackLow(a.AsUInt64(), b.AsUInt64()).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Unpack64High(Vector512<uint> a, Vector512<uint> b) => Avx512F.UnpackHigh(a.AsUInt64(), b.AsUInt64()).AsUInt32();
}
