using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Blocks of 32 integer codes behind a scale in fp16: an element is scale · code + offset.</summary>
internal unsafe interface IIntegerCodes
{
    /// <summary>Bytes of a block.</summary>
    static abstract int BlockBytes { get; }

    /// <summary>Whether <see cref="Offset"/> can be other than 0.</summary>
    static abstract bool HasOffset { get; }

    /// <summary>What is added to each element of the block at <paramref name="block"/>.</summary>
    static abstract float Offset(byte* block, float scale);

    /// <summary>The first and the second 16 codes of a block.</summary>
    static abstract void Decode(byte* block, out Vector256<short> first, out Vector256<short> second);
}

/// <summary>Q4_0, whose codes count from -8.</summary>
internal readonly unsafe struct Q40Codes : IIntegerCodes
{
    public static int BlockBytes => 18;

    public static bool HasOffset => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Offset(byte* block, float scale) => -8 * scale;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Decode(byte* block, out Vector256<short> first, out Vector256<short> second) => FourBits.Decode(block + 2, out first, out second);
}

/// <summary>Q4_1.</summary>
internal readonly unsafe struct Q41Codes : IIntegerCodes
{
    public static int BlockBytes => 20;

    public static bool HasOffset => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Offset(byte* block, float scale) => Panels.Conversions.Half(block + 2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Decode(byte* block, out Vector256<short> first, out Vector256<short> second) => FourBits.Decode(block + 4, out first, out second);
}

/// <summary>Q8_0.</summary>
internal readonly unsafe struct Q8Codes : IIntegerCodes
{
    public static int BlockBytes => 34;

    public static bool HasOffset => false;

    public static float Offset(byte* block, float scale) => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Decode(byte* block, out Vector256<short> first, out Vector256<short> second)
    {
        first = Avx2.ConvertToVector256Int16((sbyte*)block + 2);
        second = Avx2.ConvertToVector256Int16((sbyte*)block + 18);
    }
}

/// <summary>What Q4_0 and Q4_1 share: the low halves of 16 bytes, then the high ones.</summary>
internal static unsafe class FourBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Decode(byte* codes, out Vector256<short> first, out Vector256<short> second)
    {
        var both = Avx2.ConvertToVector256Int16(codes);
        (first, second) = (both & Vector256.Create((short)15), both >>> 4);
    }
}
