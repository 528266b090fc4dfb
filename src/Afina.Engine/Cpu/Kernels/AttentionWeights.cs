using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Afina.Engine.Cpu.Panels;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Where probabilities and their gradients go: right panels of the second product.</summary>
/// <param name="To">The first panel.</param>
/// <param name="Kind">What panels hold.</param>
/// <param name="StepBytes">Bytes of one step of a panel.</param>
/// <param name="UpperLanes">Bytes from lane 0 to lane 16.</param>
/// <param name="HalfLanes">Bytes from lane 0 to lane 8.</param>
internal readonly unsafe record struct AttentionWeights(nint To, PanelKind Kind, int StepBytes, int UpperLanes, int HalfLanes)
{
    /// <summary>Where 16 lanes of the first row go.</summary>
    public byte* At(int firstLane) => (byte*)To + (firstLane == 0 ? 0 : UpperLanes);

    /// <summary>Bytes from one pair of rows to the next.</summary>
    public int PairBytes => Kind == PanelKind.Bf16 ? StepBytes : 2 * StepBytes;
}

/// <summary>Where the gradients of a tile's scores go row by row, or nowhere.</summary>
internal readonly record struct AttentionGradientRows(nint To, long RowBytes);

/// <summary>Writes rows of 16 lanes as products read them.</summary>
internal unsafe interface IAttentionStore
{
    /// <summary>Bytes of an element of a row.</summary>
    static abstract int Bytes { get; }

    /// <summary>A row by itself, for a left operand.</summary>
    static abstract void PutRow(byte* at, Vector512<float> row);

    /// <summary>Two rows, as right panels of one kind hold them.</summary>
    static abstract void Put(byte* at, int stepBytes, int halfLanes, Vector512<float> even, Vector512<float> odd);
}

/// <summary>Pairs of bfloat16; to nearest, ties away from zero, which spares three operations for numbers that never leave the processor.</summary>
internal readonly unsafe struct Bf16Store : IAttentionStore
{
    public static int Bytes => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PutRow(byte* at, Vector512<float> row) =>
        Avx512F.ConvertToVector256UInt16((row.AsUInt32() + Vector512.Create(0x8000u)) >>> 16).Store((ushort*)at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put(byte* at, int stepBytes, int halfLanes, Vector512<float> even, Vector512<float> odd)
    {
        var half = Vector512.Create(0x8000u);
        (((even.AsUInt32() + half) >>> 16) | ((odd.AsUInt32() + half) & Vector512.Create(0xFFFF_0000u))).Store((uint*)at);
    }
}

/// <summary>fp32 in panels of at least 8 lanes.</summary>
internal readonly unsafe struct Fp32Store : IAttentionStore
{
    public static int Bytes => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PutRow(byte* at, Vector512<float> row) => row.Store((float*)at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put(byte* at, int stepBytes, int halfLanes, Vector512<float> even, Vector512<float> odd)
    {
        if (halfLanes == 8 * sizeof(float))
        {
            even.Store((float*)at);
            odd.Store((float*)(at + stepBytes));
            return;
        }

        even.GetLower().Store((float*)at);
        even.GetUpper().Store((float*)(at + halfLanes));
        odd.GetLower().Store((float*)(at + stepBytes));
        odd.GetUpper().Store((float*)(at + stepBytes + halfLanes));
    }
}
