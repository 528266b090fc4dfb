using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Afina.Engine.Cpu.Panels;

/// <summary>The 16 values that the codes of a Q4_0 or Q4_1 block stand for.</summary>
internal static unsafe class Q4Values
{
    /// <summary>2^112: what a half's bits, moved to where fp32 has them, are too small by.</summary>
    private const float Bias = 5.192296858534828e33f;

    private static Vector512<float> Steps => Vector512.Create(0f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    /// <summary>d·(q - 8) of the Q4_0 block at <paramref name="block"/>, for q from 0 to 15.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Symmetric(byte* block) => Vector512.Create(Conversions.Half(block)) * (Steps - Vector512.Create(8f));

    /// <summary>d·q + m of the Q4_1 block at <paramref name="block"/>, for q from 0 to 15.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> WithMinimum(byte* block)
    {
        // d in the lower, m in the upper half of every lane; an arithmetic shift by three moves sign, exponent and fraction in place.
        var both = Unsafe.ReadUnaligned<int>(block);
        var bits = Vector512.Create(both);
        var keep = Vector512.Create(unchecked((int)0x8FFF_E000));
        var d = ((bits << 16) >> 3) & keep;
        var m = (bits >> 3) & keep;
        if ((((both & 0x7C00_7C00) + 0x0400_0400) & unchecked((int)0x8000_8000)) != 0)
        {
            d |= (both & 0x7C00) == 0x7C00 ? Vector512.Create(0x7F80_0000) : Vector512<int>.Zero;
            m |= (both & 0x7C00_0000) == 0x7C00_0000 ? Vector512.Create(0x7F80_0000) : Vector512<int>.Zero;
        }

        return Avx512F.FusedMultiplyAdd(d.AsSingle(), Steps * Vector512.Create(Bias), m.AsSingle() * Vector512.Create(Bias));
    }

    /// <summary>scale·q + offset of the block's 32 codes from <paramref name="codes"/> on, in their order, with AVX2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scaled(byte* codes, Vector256<float> scale, Vector256<float> offset, out Vector256<float> a, out Vector256<float> b, out Vector256<float> c, out Vector256<float> d)
    {
        var (low, high) = (Avx2.ConvertToVector256Int32(codes), Avx2.ConvertToVector256Int32(codes + 8));
        var mask = Vector256.Create(15);
        a = Fma.MultiplyAdd(Vector256.ConvertToSingle(low & mask), scale, offset);
        b = Fma.MultiplyAdd(Vector256.ConvertToSingle(high & mask), scale, offset);
        c = Fma.MultiplyAdd(Vector256.ConvertToSingle(low >>> 4), scale, offset);
        d = Fma.MultiplyAdd(Vector256.ConvertToSingle(high >>> 4), scale, offset);
    }
}
