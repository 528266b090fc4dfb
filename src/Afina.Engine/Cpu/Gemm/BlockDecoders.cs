using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Plain fp32.</summary>
internal readonly unsafe struct Fp32Decoder(byte* data, int stride) : IBlockDecoder
{
    private readonly byte* _data = data;

    public static bool Paired => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Row(int row, float* scratch) => _data + (long)row * stride * 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector512<float> first, out Vector512<float> second)
    {
        first = Vector512.Load((float*)data + 32 * block);
        second = Vector512.Load((float*)data + 32 * block + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector256<float> a, out Vector256<float> b, out Vector256<float> c, out Vector256<float> d)
    {
        var at = (float*)data + 32 * block;
        (a, b, c, d) = (Vector256.Load(at), Vector256.Load(at + 8), Vector256.Load(at + 16), Vector256.Load(at + 24));
    }
}

/// <summary>Plain bfloat16: the even elements are the lower halves of 32 bits, the odd ones the upper halves.</summary>
internal readonly unsafe struct Bf16Decoder(byte* data, int stride) : IBlockDecoder
{
    private readonly byte* _data = data;

    public static bool Paired => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Row(int row, float* scratch) => _data + (long)row * stride * 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector512<float> first, out Vector512<float> second)
    {
        var pairs = Vector512.Load((uint*)data + 16 * block);
        first = (pairs << 16).AsSingle();
        second = (pairs & Vector512.Create(0xFFFF_0000u)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector256<float> a, out Vector256<float> b, out Vector256<float> c, out Vector256<float> d)
    {
        var (low, high) = (Vector256.Load((uint*)data + 16 * block), Vector256.Load((uint*)data + 16 * block + 8));
        var upper = Vector256.Create(0xFFFF_0000u);
        (a, b) = ((low << 16).AsSingle(), (high << 16).AsSingle());
        (c, d) = ((low & upper).AsSingle(), (high & upper).AsSingle());
    }
}

/// <summary>Q4_0: the 16 values of a block in a register, looked up by the low and the high halves of its bytes (a lookup reads four bits of
/// each index, so they need no mask).</summary>
internal readonly unsafe struct Q40Decoder(Weight weight) : IBlockDecoder
{
    private const int BlockBytes = 18;

    private readonly byte* _data = weight.Data;
    private readonly int _rowBytes = weight.Columns / 32 * BlockBytes;

    public static bool Paired => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Row(int row, float* scratch) => _data + (long)row * _rowBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector512<float> first, out Vector512<float> second)
    {
        var at = data + (long)block * BlockBytes;
        var values = Q4Values.Symmetric(at);
        var codes = Avx512F.ConvertToVector512Int32(Vector128.Load(at + BlockBytes - 16));
        first = Avx512F.PermuteVar16x32(values, codes);
        second = Avx512F.PermuteVar16x32(values, codes >>> 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector256<float> a, out Vector256<float> b, out Vector256<float> c, out Vector256<float> d)
    {
        var at = data + (long)block * BlockBytes;
        var scale = Vector256.Create(Conversions.Half(at));
        var offset = scale * -8f;
        Q4Values.Scaled(at + BlockBytes - 16, scale, offset, out a, out b, out c, out d);
    }
}

/// <summary>Q4_1, like Q4_0.</summary>
internal readonly unsafe struct Q41Decoder(Weight weight) : IBlockDecoder
{
    private const int BlockBytes = 20;

    private readonly byte* _data = weight.Data;
    private readonly int _rowBytes = weight.Columns / 32 * BlockBytes;

    public static bool Paired => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Row(int row, float* scratch) => _data + (long)row * _rowBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector512<float> first, out Vector512<float> second)
    {
        var at = data + (long)block * BlockBytes;
        var values = Q4Values.WithMinimum(at);
        var codes = Avx512F.ConvertToVector512Int32(Vector128.Load(at + BlockBytes - 16));
        first = Avx512F.PermuteVar16x32(values, codes);
        second = Avx512F.PermuteVar16x32(values, codes >>> 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector256<float> a, out Vector256<float> b, out Vector256<float> c, out Vector256<float> d)
    {
        var at = data + (long)block * BlockBytes;
        var scale = Vector256.Create(Conversions.Half(at));
        var offset = Vector256.Create(Conversions.Half(at + 2));
        Q4Values.Scaled(at + BlockBytes - 16, scale, offset, out a, out b, out c, out d);
    }
}

/// <summary>Q8_0.</summary>
internal readonly unsafe struct Q8Decoder(Weight weight) : IBlockDecoder
{
    private readonly byte* _data = weight.Data;
    private readonly int _rowBytes = weight.Columns / 32 * 34;

    public static bool Paired => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Row(int row, float* scratch) => _data + (long)row * _rowBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector512<float> first, out Vector512<float> second)
    {
        var at = data + block * 34L;
        var d = Vector512.Create(Conversions.Half(at));
        first = Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)at + 2))) * d;
        second = Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)at + 18))) * d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector256<float> a, out Vector256<float> b, out Vector256<float> c, out Vector256<float> d)
    {
        var at = data + block * 34L;
        var scale = Vector256.Create(Conversions.Half(at));
        var codes = (sbyte*)at + 2;
        a = Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(codes)) * scale;
        b = Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(codes + 8)) * scale;
        c = Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(codes + 16)) * scale;
        d = Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(codes + 24)) * scale;
    }
}

/// <summary>NF4 and FP4 whose rows are whole blocks: the first of a pair is the high half of its byte.</summary>
internal readonly unsafe struct FourBitDecoder(Weight weight) : IBlockDecoder
{
    private readonly byte* _data = weight.Data;
    private readonly int _columns = weight.Columns;
    private readonly ScaleReader _scales = new(weight.Scales!);
    private readonly Vector512<float> _map = Vector512.Create(weight.Scales!.Map.AsSpan());

    public static bool Paired => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Row(int row, float* scratch)
    {
        var first = ((long)row * _columns) >> _scales.BlockShift;
        for (var block = 0; block < _columns >> _scales.BlockShift; block++)
            scratch[block] = _scales.At(first + block);
        return _data + (long)row * _columns / 2;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector512<float> first, out Vector512<float> second)
    {
        var values = _map * scratch[(32 * block) >> _scales.BlockShift];
        var codes = Avx512F.ConvertToVector512Int32(Vector128.Load(data + 16L * block));
        first = Avx512F.PermuteVar16x32(values, codes >>> 4);
        second = Avx512F.PermuteVar16x32(values, codes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decode(byte* data, float* scratch, int block, out Vector256<float> a, out Vector256<float> b, out Vector256<float> c, out Vector256<float> d)
    {
        var scale = Vector256.Create(scratch[(32 * block) >> _scales.BlockShift]);
        var (lower, upper) = (_map.GetLower() * scale, _map.GetUpper() * scale);
        var (low, high) = (Avx2.ConvertToVector256Int32(data + 16L * block), Avx2.ConvertToVector256Int32(data + 16L * block + 8));
        a = LookUp(lower, upper, low >>> 4);
        b = LookUp(lower, upper, high >>> 4);
        c = LookUp(lower, upper, low);
        d = LookUp(lower, upper, high);
    }

    /// <summary>Two lookups of eight values by the lower three bits; the fourth says which one counts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LookUp(Vector256<float> lower, Vector256<float> upper, Vector256<int> codes) =>
        Avx.BlendVariable(Avx2.PermuteVar8x32(lower, codes), Avx2.PermuteVar8x32(upper, codes), (codes << 28).AsSingle());
}
