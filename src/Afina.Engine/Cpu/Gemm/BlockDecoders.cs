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
}
