using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Afina.Engine.Tensors.Blocks;

/// <summary>Widening of small integers to eight fp32 lanes, and other small steps that the codecs share.</summary>
internal static unsafe class Lanes
{
    /// <summary>The lower eight bytes as fp32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Low(Vector128<byte> bytes) => Vector256.ConvertToSingle(Avx2.IsSupported
        ? Avx2.ConvertToVector256Int32(bytes)
        : Vector256.WidenLower(Vector128.WidenLower(bytes).ToVector256()).AsInt32());

    /// <summary>The upper eight bytes as fp32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> High(Vector128<byte> bytes) => Low(Vector128.Shuffle(bytes, Vector128.Create((byte)8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15)));

    /// <summary>Eight signed bytes as fp32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Signed(byte* bytes) => Vector256.ConvertToSingle(Avx2.IsSupported
        ? Avx2.ConvertToVector256Int32((sbyte*)bytes)
        : Vector256.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<long>(bytes)).AsSByte()).ToVector256()));

    /// <summary>d·(q − offset) + m of the 32 codes of 16 bytes, one after the other: where vectors are but emulated, many times faster.</summary>
    public static void Nibbles(byte* codes, float d, int offset, float m, float* destination)
    {
        for (var j = 0; j < 16; j++)
        {
            destination[j] = d * ((codes[j] & 15) - offset) + m;
            destination[j + 16] = d * ((codes[j] >> 4) - offset) + m;
        }
    }

    /// <summary>The IEEE half at <paramref name="bytes"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Half(byte* bytes) => (float)Unsafe.ReadUnaligned<Half>(bytes);

    /// <summary>Stores a value as an IEEE half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalf(byte* bytes, float value) => Unsafe.WriteUnaligned(bytes, (Half)value);
}
