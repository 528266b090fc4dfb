using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Turns sums into an output: scale, column scale, bias, residual, beta, and the store as fp32 or bfloat16.</summary>
internal static unsafe class Epilogue
{
    /// <summary>Asks for the rectangle of C that <see cref="Store"/> will write: rows of a wide output lie pages apart.</summary>
    public static void Prefetch(ProductOutput output, int row, int rows, int column, int columns)
    {
        if (output.IsTransposed || !Sse.IsSupported)
            return;
        var bytes = output.Type.Bytes();
        var stride = (long)output.Stride * bytes;
        var from = (byte*)output.Data + row * stride + (long)column * bytes;
        for (var r = 0; r < rows; r++, from += stride)
        {
            for (var at = from; at < from + (long)columns * bytes; at += 64)
                Sse.Prefetch0(at);
        }
    }

    /// <summary>Stores sums[rows, columns] as the rectangle of C that begins at (row, column).</summary>
    public static void Store(ProductOutput output, float* sums, int stride, int row, int rows, int column, int columns)
    {
        if (output.IsTransposed)
        {
            StoreTransposed(output, sums, stride, row, rows, column, columns);
            return;
        }

        for (var r = 0; r < rows; r++)
            StoreRow(output, sums + (long)r * stride, row + r, column, columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StoreRow(ProductOutput output, float* sums, int row, int column, int columns)
    {
        var at = (long)row * output.Stride + column;
        var residual = output.Residual is { } operand ? operand.Data + ((long)row * operand.Stride + column) * operand.Type.Bytes() : null;
        var wideResidual = residual is not null && output.Residual!.Value.Type == DType.F32;
        var c = 0;
        for (; c <= columns - 16; c += 16)
        {
            var value = Vector512.Load(sums + c);
            if (output.Scale != 1)
                value *= output.Scale;
            if (output.ColumnScale is not null)
                value *= Vector512.Load(output.ColumnScale + column + c);
            if (output.Bias is not null)
                value += Vector512.Load(output.Bias + column + c);
            if (residual is not null)
                value += wideResidual ? Vector512.Load((float*)residual + c) : Conversions.Widen(Vector256.Load((ushort*)residual + c));
            Store16(output, value, at + c);
        }

        for (; c < columns; c++)
            StoreOne(output, sums[c], row, column + c, at + c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store16(ProductOutput output, Vector512<float> value, long at)
    {
        if (output.Type == DType.F32)
        {
            var to = (float*)output.Data + at;
            if (output.Beta != 0)
                value += Vector512.Load(to) * output.Beta;
            value.Store(to);
        }
        else
        {
            var to = (ushort*)output.Data + at;
            if (output.Beta != 0)
                value += Conversions.Widen(Vector256.Load(to)) * output.Beta;
            Conversions.Narrow(value).Store(to);
        }
    }

    private static void StoreTransposed(ProductOutput output, float* sums, int stride, int row, int rows, int column, int columns)
    {
        // Turned around 16 columns at a time, the rest of the work is that of rows: no bias, scale or residual runs along them.
        var simple = output.Bias is null && output.ColumnScale is null;
        var turned = stackalloc float[16 * 16];
        for (var r = 0; r < rows; r += 16)
        {
            var height = Math.Min(16, rows - r);
            for (var c = 0; c < columns; c += 16)
            {
                var width = Math.Min(16, columns - c);
                PanelTransposer.Pack((byte*)(sums + (long)r * stride + c), stride * 4L, height, width, (uint*)turned, 16);
                for (var j = 0; j < width; j++)
                {
                    var at = (long)(column + c + j) * output.Stride + row + r;
                    if (simple && height == 16)
                    {
                        Store16(output, Vector512.Load(turned + 16 * j) * output.Scale, at);
                        continue;
                    }

                    for (var i = 0; i < height; i++)
                        StoreOne(output, turned[16 * j + i], row + r + i, column + c + j, at + i);
                }
            }
        }
    }

    private static void StoreOne(ProductOutput output, float sum, int row, int column, long at)
    {
        var value = sum * output.Scale;
        if (output.ColumnScale is not null)
            value *= output.ColumnScale[column];
        if (output.Bias is not null)
            value += output.Bias[column];
        if (output.Residual is { } residual)
        {
            var from = (long)row * residual.Stride + column;
            value += residual.Type == DType.F32 ? ((float*)residual.Data)[from] : BFloat16.ToSingle(((ushort*)residual.Data)[from]);
        }

        if (output.Type == DType.F32)
        {
            var to = (float*)output.Data + at;
            *to = output.Beta != 0 ? value + *to * output.Beta : value;
        }
        else
        {
            var to = (ushort*)output.Data + at;
            *to = BFloat16.FromSingle(output.Beta != 0 ? value + BFloat16.ToSingle(*to) * output.Beta : value);
        }
    }
}
