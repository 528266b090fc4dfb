using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Rows of integer codes with few rows of bfloat16, with AVX2: conversions to fp32 would take twice the time of all the rest.</summary>
/// <remarks>Each 32 elements of x enter as 16-bit integers times a power of two of their own: elements down to 1/128 of the largest keep all
/// their digits, smaller ones are off by 1/32768 of it at most. Products and their sums within a block are exact.</remarks>
internal sealed unsafe class IntegerDot<TCodes>(Weight weight) : RowDot
    where TCodes : struct, IIntegerCodes
{
    private const int Block = 32;

    // A block of x: its integers, its unit, and its sum.
    private const int BytesPerBlock = (Block * sizeof(short)) + (2 * sizeof(float));

    private const int ExponentBits = 0x7F80_0000;
    private const int ExponentOne = 1 << 23;

    private readonly int _blocks = weight.Columns / Block;
    private readonly byte* _data = weight.Data;

    public override long ScratchBytes => (long)MaxRows * _blocks * BytesPerBlock;

    public override void Run(int first, int count, float* x, int stride, int rows, float* sums, int sumStride, byte* scratch)
    {
        for (var i = 0; i < rows; i++)
            Arrange(x + (long)i * stride, Values(scratch, i), Units(scratch, i));
        var rowBytes = (long)_blocks * TCodes.BlockBytes;
        for (var c = 0; c < count; c++)
        {
            var row = _data + (first + c) * rowBytes;
            var i = 0;
            for (; i <= rows - 2; i += 2)
                Two(row, Values(scratch, i), Units(scratch, i), Values(scratch, i + 1), Units(scratch, i + 1), sums + (long)i * sumStride + c, sumStride);
            if (i < rows)
                One(row, Values(scratch, i), Units(scratch, i), sums + (long)i * sumStride + c);
        }
    }

    private short* Values(byte* scratch, int row) => (short*)(scratch + (long)row * _blocks * BytesPerBlock);

    /// <summary>Per block what its integers count in, and the sum of its elements.</summary>
    private float* Units(byte* scratch, int row) => (float*)(Values(scratch, row) + _blocks * Block);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Arrange(float* x, short* values, float* units)
    {
        for (var b = 0; b < _blocks; b++, x += Block, values += Block, units += 2)
        {
            var (v0, v1, v2, v3) = (Vector256.Load(x), Vector256.Load(x + 8), Vector256.Load(x + 16), Vector256.Load(x + 24));
            // The bits of all exponents together, compared as integers: infinities and NaN are the largest.
            var exponents = Vector256.Max(Vector256.Max(v0.AsInt32() & Vector256.Create(ExponentBits), v1.AsInt32() & Vector256.Create(ExponentBits)),
                Vector256.Max(v2.AsInt32() & Vector256.Create(ExponentBits), v3.AsInt32() & Vector256.Create(ExponentBits)));
            var pairs = Vector128.Max(exponents.GetLower(), exponents.GetUpper());
            pairs = Vector128.Max(pairs, Vector128.Shuffle(pairs, Vector128.Create(2, 3, 0, 1)));
            var most = Math.Max(pairs.ToScalar(), pairs.GetElement(1));
            // The largest has 15 bits; a unit is at least the smallest normal number.
            var unit = Math.Max(most - 14 * ExponentOne, ExponentOne);
            var inverse = Vector256.Create(BitConverter.Int32BitsToSingle(254 * ExponentOne - unit));
            Round(v0, v1, inverse).Store(values);
            Round(v2, v3, inverse).Store(values + 16);
            var ones = Vector256<short>.One;
            var sum = Vector256.Sum(Avx2.MultiplyAddAdjacent(Vector256.Load(values), ones) + Avx2.MultiplyAddAdjacent(Vector256.Load(values + 16), ones));
            units[0] = most == ExponentBits ? float.NaN : BitConverter.Int32BitsToSingle(unit);
            units[1] = sum * units[0];
        }
    }

    private static Vector256<short> Round(Vector256<float> first, Vector256<float> second, Vector256<float> inverse) => Avx2.Permute4x64(
        Avx2.PackSignedSaturate(Avx.ConvertToVector256Int32(first * inverse), Avx.ConvertToVector256Int32(second * inverse)).AsInt64(), 0b11_01_10_00).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void One(byte* row, short* x, float* units, float* sum)
    {
        var (products, offsets) = (Vector256<float>.Zero, 0f);
        for (var b = 0; b < _blocks; b++, row += TCodes.BlockBytes, x += Block, units += 2)
        {
            TCodes.Decode(row, out var first, out var second);
            var scale = Conversions.Half(row);
            products = Add(first, second, x, scale * units[0], products);
            if (TCodes.HasOffset)
                offsets += TCodes.Offset(row, scale) * units[1];
        }

        *sum += Vector256.Sum(products) + offsets;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Two(byte* row, short* x, float* units, short* nextX, float* nextUnits, float* sums, int sumStride)
    {
        var (products, offsets) = (Vector256<float>.Zero, 0f);
        var (nextProducts, nextOffsets) = (Vector256<float>.Zero, 0f);
        for (var b = 0; b < _blocks; b++, row += TCodes.BlockBytes, x += Block, units += 2, nextX += Block, nextUnits += 2)
        {
            TCodes.Decode(row, out var first, out var second);
            var scale = Conversions.Half(row);
            products = Add(first, second, x, scale * units[0], products);
            nextProducts = Add(first, second, nextX, scale * nextUnits[0], nextProducts);
            if (!TCodes.HasOffset)
                continue;
            var offset = TCodes.Offset(row, scale);
            offsets += offset * units[1];
            nextOffsets += offset * nextUnits[1];
        }

        sums[0] += Vector256.Sum(products) + offsets;
        sums[sumStride] += Vector256.Sum(nextProducts) + nextOffsets;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Add(Vector256<short> first, Vector256<short> second, short* x, float scale, Vector256<float> sum) => Fma.MultiplyAdd(
        Vector256.ConvertToSingle(Avx2.MultiplyAddAdjacent(first, Vector256.Load(x)) + Avx2.MultiplyAddAdjacent(second, Vector256.Load(x + 16))),
        Vector256.Create(scale), sum);
}
