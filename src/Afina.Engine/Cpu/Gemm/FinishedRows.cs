using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Cpu.Panels;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Stores a kernel's finished sums where they belong, residual added, as fp32 or bfloat16, without a detour over the tile of sums.</summary>
internal static unsafe class FinishedRows
{
    /// <summary>Asks for the lines that a group's rows will be stored in: rows of a wide output lie pages apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ask(KernelArguments* arguments, int rows)
    {
        var to = arguments->Output;
        if (to is null)
            return;
        for (var row = 0; row < rows; row++, to += arguments->OutputStride)
            Sse.Prefetch0(to);
    }

    /// <summary>Stores 32 columns of the group's row <paramref name="row"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(KernelArguments* arguments, int row, Vector512<float> left, Vector512<float> right)
    {
        Store(arguments, row, 0, left);
        Store(arguments, row, 16, right);
    }

    /// <summary>Stores 16 columns of it, from <paramref name="column"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(KernelArguments* arguments, int row, int column, Vector512<float> sums)
    {
        var to = arguments->Output + row * arguments->OutputStride;
        var residual = arguments->Residual + row * arguments->ResidualStride;
        if (arguments->OutputIsBf16 != 0)
        {
            if (arguments->Residual is not null)
                sums += Conversions.Widen(Vector256.Load((ushort*)residual + column));
            Conversions.Narrow(sums).Store((ushort*)to + column);
        }
        else
        {
            if (arguments->Residual is not null)
                sums += Vector512.Load((float*)residual + column);
            sums.Store((float*)to + column);
        }
    }

    /// <summary>Stores 16 columns of the group's row <paramref name="row"/>, with AVX2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(KernelArguments* arguments, int row, Vector256<float> left, Vector256<float> right)
    {
        var to = arguments->Output + row * arguments->OutputStride;
        var residual = arguments->Residual + row * arguments->ResidualStride;
        if (arguments->OutputIsBf16 != 0)
        {
            if (arguments->Residual is not null)
            {
                left += (Avx2.ConvertToVector256Int32((ushort*)residual) << 16).AsSingle();
                right += (Avx2.ConvertToVector256Int32((ushort*)residual + 8) << 16).AsSingle();
            }

            Conversions.Narrow(left, right).Store((ushort*)to);
        }
        else
        {
            if (arguments->Residual is not null)
            {
                left += Vector256.Load((float*)residual);
                right += Vector256.Load((float*)residual + 8);
            }

            left.Store((float*)to);
            right.Store((float*)to + 8);
        }
    }

    /// <summary>Moves on to the next group's rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Advance(KernelArguments* arguments, int rows)
    {
        arguments->Output += rows * arguments->OutputStride;
        if (arguments->Residual is not null)
            arguments->Residual += rows * arguments->ResidualStride;
    }
}
