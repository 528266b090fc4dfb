using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>One head of rows, where they lie.</summary>
internal static unsafe class AttentionRows
{
    /// <summary>Rows that are asked for before they are read; the processor does not see that reading goes on after each step.</summary>
    private const int Ahead = 16;

    /// <summary>scores[lane, n] = Σ queries[lane] · row n, of the head of the lane: each has <paramref name="group"/> lanes; up to the next
    /// multiple of 4 rows the scores are of no meaning.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Scores<TRow>(byte* rows, long stride, int count, float* queries, int lanes, int group, int dim, float* scores, int scoreStride)
        where TRow : struct, IAttentionRow
    {
        var headBytes = dim * TRow.Bytes;
        for (var n = 0; n < count; n += 4)
        {
            var a = rows + n * stride;
            byte* b = rows + Math.Min(n + 1, count - 1) * stride, c = rows + Math.Min(n + 2, count - 1) * stride, d = rows + Math.Min(n + 3, count - 1) * stride;
            Prefetch(a + Ahead * stride, 4 * stride);
            for (int lane = 0, next = group; lane < lanes; lane++)
            {
                if (lane == next)
                {
                    next += group;
                    a += headBytes;
                    b += headBytes;
                    c += headBytes;
                    d += headBytes;
                }

                var query = queries + lane * dim;
                var (sumA, sumB, sumC, sumD) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
                var j = 0;
                for (; j <= dim - 16; j += 16)
                {
                    var q = Vector512.Load(query + j);
                    sumA = Vector512.FusedMultiplyAdd(TRow.Load(a, j), q, sumA);
                    sumB = Vector512.FusedMultiplyAdd(TRow.Load(b, j), q, sumB);
                    sumC = Vector512.FusedMultiplyAdd(TRow.Load(c, j), q, sumC);
                    sumD = Vector512.FusedMultiplyAdd(TRow.Load(d, j), q, sumD);
                }

                var sum = Sums(sumA, sumB, sumC, sumD);
                for (; j < dim; j++)
                    sum += Vector128.Create(TRow.One(a, j), TRow.One(b, j), TRow.One(c, j), TRow.One(d, j)) * query[j];
                sum.Store(scores + lane * scoreStride + n);
            }
        }
    }

    /// <summary>sums[lane] += Σ_n weights[lane, n] · row n, of the head of the lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Sums<TRow>(byte* rows, long stride, int count, float* weights, int weightStride, float* sums, int lanes, int group, int dim)
        where TRow : struct, IAttentionRow
    {
        var headBytes = dim * TRow.Bytes;
        // Weights of rows that are not there are 0.
        for (var n = 0; n < count; n += 4)
        {
            var a = rows + n * stride;
            byte* b = rows + Math.Min(n + 1, count - 1) * stride, c = rows + Math.Min(n + 2, count - 1) * stride, d = rows + Math.Min(n + 3, count - 1) * stride;
            Prefetch(a + Ahead * stride, 4 * stride);
            for (int lane = 0, next = group; lane < lanes; lane++)
            {
                if (lane == next)
                {
                    next += group;
                    a += headBytes;
                    b += headBytes;
                    c += headBytes;
                    d += headBytes;
                }

                var sum = sums + lane * dim;
                var weight = weights + lane * weightStride + n;
                var (p, q, r, s) = (Vector512.Create(weight[0]), Vector512.Create(weight[1]), Vector512.Create(weight[2]), Vector512.Create(weight[3]));
                var j = 0;
                for (; j <= dim - 16; j += 16)
                {
                    var total = Vector512.FusedMultiplyAdd(TRow.Load(a, j), p, Vector512.Load(sum + j));
                    total = Vector512.FusedMultiplyAdd(TRow.Load(b, j), q, total);
                    total = Vector512.FusedMultiplyAdd(TRow.Load(c, j), r, total);
                    Vector512.FusedMultiplyAdd(TRow.Load(d, j), s, total).Store(sum + j);
                }

                for (; j < dim; j++)
                    sum[j] += weight[0] * TRow.One(a, j) + weight[1] * TRow.One(b, j) + weight[2] * TRow.One(c, j) + weight[3] * TRow.One(d, j);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Sums(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        var (x, y, z, w) = (Quarter(a), Quarter(b), Quarter(c), Quarter(d));
        return Sse3.IsSupported
            ? Sse3.HorizontalAdd(Sse3.HorizontalAdd(x, y), Sse3.HorizontalAdd(z, w))
            : Vector128.Create(Vector128.Sum(x), Vector128.Sum(y), Vector128.Sum(z), Vector128.Sum(w));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Quarter(Vector512<float> value)
    {
        var half = value.GetLower() + value.GetUpper();
        return half.GetLower() + half.GetUpper();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(byte* from, long bytes)
    {
        if (!Sse.IsSupported)
            return;
        for (var at = from; at < from + bytes; at += 64)
            Sse.Prefetch0(at);
    }

    /// <summary>Σ a · b.</summary>
    public static float Dot(in Cells a, in Cells b, long at, int dim)
    {
        var sums = Vector512<float>.Zero;
        var j = 0;
        for (; j <= dim - 16; j += 16)
            sums = Vector512.FusedMultiplyAdd(a.Load(at + j), b.Load(at + j), sums);
        var sum = Vector512.Sum(sums);
        for (; j < dim; j++)
            sum += a.One(at + j) * b.One(at + j);
        return sum;
    }

    /// <summary>row (+)= factor · x.</summary>
    public static void Store(in Cells row, long at, float* x, int dim, float factor, bool adds)
    {
        var j = 0;
        for (; j <= dim - 16; j += 16)
            row.Put(at + j, Vector512.Load(x + j) * factor, adds);
        for (; j < dim; j++)
            row.PutOne(at + j, x[j] * factor, adds);
    }
}

/// <summary>How a row is stored.</summary>
internal unsafe interface IAttentionRow
{
    static abstract int Bytes { get; }

    static abstract Vector512<float> Load(byte* row, int at);

    static abstract float One(byte* row, int at);
}

internal readonly unsafe struct Bf16Row : IAttentionRow
{
    public static int Bytes => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* row, int at) => Conversions.Widen(Vector256.Load((ushort*)row + at));

    public static float One(byte* row, int at) => BFloat16.ToSingle(((ushort*)row)[at]);
}

internal readonly unsafe struct Fp32Row : IAttentionRow
{
    public static int Bytes => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* row, int at) => Vector512.Load((float*)row + at);

    public static float One(byte* row, int at) => ((float*)row)[at];
}
