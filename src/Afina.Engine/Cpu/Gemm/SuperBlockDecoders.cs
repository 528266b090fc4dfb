using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Q4_K: a lookup in the 16 values of a sub-block of 32.</summary>
internal readonly unsafe struct Q4KDecoder(Weight weight) : IBlockDecoder
{
    private readonly byte* _data = weight.Data;
    private readonly int _rowBytes = weight.Columns / 256 * 144;

    public static bool Paired => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Row(int row, float* scratch) => _data + (long)row * _rowBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector512<float> first, out Vector512<float> second)
    {
        var at = data + (block >> 3) * 144L;
        var sub = block & 7;
        var (scale, minimum) = SuperBlock.Scales(at, sub);
        var steps = Vector512.Create(0f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        var values = Avx512F.FusedMultiplySubtract(Vector512.Create(scale), steps, Vector512.Create(minimum));
        var codes = at + 16 + 32 * (sub >> 1);
        var shift = 4 * (sub & 1);
        // A lookup reads the lower four bits of each index.
        first = Avx512F.PermuteVar16x32(values, Avx512F.ConvertToVector512Int32(Vector128.Load(codes)) >>> shift);
        second = Avx512F.PermuteVar16x32(values, Avx512F.ConvertToVector512Int32(Vector128.Load(codes + 16)) >>> shift);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector256<float> a, out Vector256<float> b, out Vector256<float> c, out Vector256<float> d)
    {
        var at = data + (block >> 3) * 144L;
        var sub = block & 7;
        var (scale, minimum) = SuperBlock.Scales(at, sub);
        var codes = at + 16 + 32 * (sub >> 1);
        var shift = 4 * (sub & 1);
        a = Widen8(codes, shift, scale, minimum);
        b = Widen8(codes + 8, shift, scale, minimum);
        c = Widen8(codes + 16, shift, scale, minimum);
        d = Widen8(codes + 24, shift, scale, minimum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Widen8(byte* codes, int shift, float scale, float minimum) => Fma.MultiplySubtract(
        Vector256.Create(scale), Vector256.ConvertToSingle((Avx2.ConvertToVector256Int32(codes) >>> shift) & Vector256.Create(15)), Vector256.Create(minimum));
}

/// <summary>Q5_K: as Q4_K, with fifth bits apart.</summary>
internal readonly unsafe struct Q5KDecoder(Weight weight) : IBlockDecoder
{
    private readonly byte* _data = weight.Data;
    private readonly int _rowBytes = weight.Columns / 256 * 176;

    public static bool Paired => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Row(int row, float* scratch) => _data + (long)row * _rowBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector512<float> first, out Vector512<float> second)
    {
        var at = data + (block >> 3) * 176L;
        var sub = block & 7;
        var (scale, minimum) = SuperBlock.Scales(at, sub);
        var codes = at + 48 + 32 * (sub >> 1);
        first = Widen(codes, at + 16, sub, scale, minimum);
        second = Widen(codes + 16, at + 32, sub, scale, minimum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector256<float> a, out Vector256<float> b, out Vector256<float> c, out Vector256<float> d)
    {
        var at = data + (block >> 3) * 176L;
        var sub = block & 7;
        var (scale, minimum) = SuperBlock.Scales(at, sub);
        var codes = at + 48 + 32 * (sub >> 1);
        a = Widen8(codes, at + 16, sub, scale, minimum);
        b = Widen8(codes + 8, at + 24, sub, scale, minimum);
        c = Widen8(codes + 16, at + 32, sub, scale, minimum);
        d = Widen8(codes + 24, at + 40, sub, scale, minimum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Widen(byte* codes, byte* fifth, int sub, float scale, float minimum)
    {
        var low = (Avx512F.ConvertToVector512Int32(Vector128.Load(codes)) >>> (4 * (sub & 1))) & Vector512.Create(15);
        var high = ((Avx512F.ConvertToVector512Int32(Vector128.Load(fifth)) >>> sub) & Vector512<int>.One) << 4;
        return Avx512F.FusedMultiplySubtract(Vector512.Create(scale), Vector512.ConvertToSingle(low | high), Vector512.Create(minimum));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Widen8(byte* codes, byte* fifth, int sub, float scale, float minimum)
    {
        var low = (Avx2.ConvertToVector256Int32(codes) >>> (4 * (sub & 1))) & Vector256.Create(15);
        var high = ((Avx2.ConvertToVector256Int32(fifth) >>> sub) & Vector256<int>.One) << 4;
        return Fma.MultiplySubtract(Vector256.Create(scale), Vector256.ConvertToSingle(low | high), Vector256.Create(minimum));
    }
}

/// <summary>Q6_K: low four bits and high two bits apart, sub-blocks of 16.</summary>
internal readonly unsafe struct Q6KDecoder(Weight weight) : IBlockDecoder
{
    private readonly byte* _data = weight.Data;
    private readonly int _rowBytes = weight.Columns / 256 * 210;

    public static bool Paired => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Row(int row, float* scratch) => _data + (long)row * _rowBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector512<float> first, out Vector512<float> second)
    {
        var at = data + (block >> 3) * 210L;
        var (half, quarter) = ((block >> 2) & 1, block & 3);
        var low = at + 64 * half + 32 * (quarter & 1);
        var high = at + 128 + 32 * half;
        var scales = (sbyte*)at + 192 + 8 * half + 2 * quarter;
        var d = Conversions.Half(at + 208);
        first = Widen(low, high, quarter, d * scales[0]);
        second = Widen(low + 16, high + 16, quarter, d * scales[1]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector256<float> a, out Vector256<float> b, out Vector256<float> c, out Vector256<float> d)
    {
        var at = data + (block >> 3) * 210L;
        var (half, quarter) = ((block >> 2) & 1, block & 3);
        var low = at + 64 * half + 32 * (quarter & 1);
        var high = at + 128 + 32 * half;
        var scales = (sbyte*)at + 192 + 8 * half + 2 * quarter;
        var all = Conversions.Half(at + 208);
        var (first, second) = (all * scales[0], all * scales[1]);
        a = Widen8(low, high, quarter, first);
        b = Widen8(low + 8, high + 8, quarter, first);
        c = Widen8(low + 16, high + 16, quarter, second);
        d = Widen8(low + 24, high + 24, quarter, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Widen(byte* low, byte* high, int quarter, float scale)
    {
        var lower = (Avx512F.ConvertToVector512Int32(Vector128.Load(low)) >>> (4 * (quarter >> 1))) & Vector512.Create(15);
        var upper = ((Avx512F.ConvertToVector512Int32(Vector128.Load(high)) >>> (2 * quarter)) & Vector512.Create(3)) << 4;
        return Vector512.ConvertToSingle((lower | upper) - Vector512.Create(32)) * scale;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Widen8(byte* low, byte* high, int quarter, float scale)
    {
        var lower = (Avx2.ConvertToVector256Int32(low) >>> (4 * (quarter >> 1))) & Vector256.Create(15);
        var upper = ((Avx2.ConvertToVector256Int32(high) >>> (2 * quarter)) & Vector256.Create(3)) << 4;
        return Vector256.ConvertToSingle((lower | upper) - Vector256.Create(32)) * scale;
    }
}

/// <summary>The header that Q4_K and Q5_K share.</summary>
internal static unsafe class SuperBlock
{
    /// <summary>What a sub-block's codes are multiplied with, and what is taken off.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (float Scale, float Minimum) Scales(byte* block, int sub)
    {
        var packed = block + 4;
        int scale, minimum;
        if (sub < 4)
        {
            (scale, minimum) = (packed[sub] & 63, packed[sub + 4] & 63);
        }
        else
        {
            scale = (packed[sub + 4] & 15) | ((packed[sub - 4] >> 6) << 4);
            minimum = (packed[sub + 4] >> 4) | ((packed[sub] >> 6) << 4);
        }

        return (Conversions.Half(block) * scale, Conversions.Half(block + 2) * minimum);
    }
}
