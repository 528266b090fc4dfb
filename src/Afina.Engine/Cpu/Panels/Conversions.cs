using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Panels;

/// <summary>fp32 to bfloat16 and back over ranges, rounding to nearest even.</summary>
internal static unsafe class Conversions
{
    /// <summary>The upper 16 bits of each lane are the bfloat16 nearest to the lane; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RoundToBf16(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        var rounded = bits + Vector512.Create(0x7FFFu) + ((bits >>> 16) & Vector512<uint>.One);
        var number = Vector512.Equals(value, value).AsUInt32();
        return Vector512.ConditionalSelect(number, rounded, bits | Vector512.Create(0x0040_0000u));
    }

    /// <summary>The same, as fp32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Rounded(Vector512<float> value) => (RoundToBf16(value) & Vector512.Create(0xFFFF_0000u)).AsSingle();

    /// <summary>The same with AVX2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Rounded(Vector256<float> value)
    {
        var bits = value.AsUInt32();
        var rounded = bits + Vector256.Create(0x7FFFu) + ((bits >>> 16) & Vector256<uint>.One);
        var number = Vector256.Equals(value, value).AsUInt32();
        return (Vector256.ConditionalSelect(number, rounded, bits | Vector256.Create(0x0040_0000u)) & Vector256.Create(0xFFFF_0000u)).AsSingle();
    }

    /// <summary>16 bfloat16 nearest to 16 fp32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> Narrow(Vector512<float> value)
    {
        if (!Vector128.IsHardwareAccelerated)
        {
            var narrow = Vector256<ushort>.Zero;
            for (var i = 0; i < Vector512<float>.Count; i++)
                ((ushort*)&narrow)[i] = BFloat16.FromSingle(((float*)&value)[i]);
            return narrow;
        }

        var bits = RoundToBf16(value) >>> 16;
        return Avx512F.IsSupported ? Avx512F.ConvertToVector256UInt16(bits) : Vector256.Narrow(bits.GetLower(), bits.GetUpper());
    }

    /// <summary>16 bfloat16 nearest to 16 fp32, with AVX2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> Narrow(Vector256<float> lower, Vector256<float> upper)
    {
        // Packing goes by halves of 128 bits.
        var packed = Avx2.PackUnsignedSaturate((Rounded(lower).AsInt32() >>> 16), (Rounded(upper).AsInt32() >>> 16));
        return Avx2.Permute4x64(packed.AsUInt64(), 0b11_01_10_00).AsUInt16();
    }

    /// <summary>16 fp32 of 16 bfloat16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen(Vector256<ushort> bits)
    {
        if (Avx512F.IsSupported)
            return (Avx512F.ConvertToVector512UInt32(bits) << 16).AsSingle();
        if (!Vector128.IsHardwareAccelerated)
        {
            var wide = Vector512<float>.Zero;
            for (var i = 0; i < Vector512<float>.Count; i++)
                ((uint*)&wide)[i] = (uint)((ushort*)&bits)[i] << 16;
            return wide;
        }

        var (low, high) = Vector256.Widen(bits);
        return Vector512.Create(low << 16, high << 16).AsSingle();
    }

    /// <summary>The IEEE half at <paramref name="half"/>: its exponent and fraction moved in place, then the difference of the exponents'
    /// biases, 2^112, multiplied in, which is exact for subnormal halves too. .NET does not expose vcvtph2ps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Half(byte* half)
    {
        int bits = Unsafe.ReadUnaligned<short>(half);
        var moved = (bits << 13) & unchecked((int)0x8FFF_E000);
        // No call even for infinities and NaN: a call in a loop would keep its sums in memory.
        if ((bits & 0x7C00) == 0x7C00)
            moved |= 0x7F80_0000;
        return BitConverter.Int32BitsToSingle(moved) * 5.192296858534828e33f;
    }

    /// <summary>Rounds <paramref name="count"/> fp32 to bfloat16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToBf16(float* source, ushort* destination, int count)
    {
        var i = 0;
        for (; Vector128.IsHardwareAccelerated && i <= count - 16; i += 16)
            Narrow(Vector512.Load(source + i)).Store(destination + i);
        for (; i < count; i++)
            destination[i] = BFloat16.FromSingle(source[i]);
    }

    /// <summary>Widens <paramref name="count"/> bfloat16 to fp32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToFp32(ushort* source, float* destination, int count)
    {
        var i = 0;
        for (; Vector128.IsHardwareAccelerated && i <= count - 16; i += 16)
            Widen(Vector256.Load(source + i)).Store(destination + i);
        for (; i < count; i++)
            destination[i] = BFloat16.ToSingle(source[i]);
    }

    /// <summary>Replaces <paramref name="count"/> fp32 by the values of their nearest bfloat16; in place or not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Round(float* source, float* destination, int count)
    {
        var i = 0;
        for (; Vector128.IsHardwareAccelerated && i <= count - 16; i += 16)
            Rounded(Vector512.Load(source + i)).Store(destination + i);
        for (; i < count; i++)
            destination[i] = BFloat16.ToSingle(BFloat16.FromSingle(source[i]));
    }
}
