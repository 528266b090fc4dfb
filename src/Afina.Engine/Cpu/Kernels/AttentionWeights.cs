using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Cpu.Panels;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Writes probabilities and their gradients, two rows of 16 lanes at a time, as right panels of the second product.</summary>
/// <param name="to">The first panel.</param>
/// <param name="kind">What panels hold.</param>
/// <param name="stepBytes">Bytes of one step of a panel.</param>
/// <param name="upperLanes">Bytes from lane 0 to lane 16.</param>
/// <param name="halfLanes">Bytes from lane 0 to lane 8.</param>
internal readonly unsafe struct AttentionWeights(byte* to, PanelKind kind, int stepBytes, int upperLanes, int halfLanes)
{
    private readonly byte* _to = to;
    private readonly PanelKind _kind = kind;
    private readonly int _stepBytes = stepBytes;
    private readonly int _upperLanes = upperLanes;
    private readonly int _halfLanes = halfLanes;

    /// <summary>Rows <paramref name="row"/> (even) and the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put(int row, int firstLane, Vector512<float> even, Vector512<float> odd)
    {
        var at = _to + (firstLane == 0 ? 0 : _upperLanes);
        if (_kind == PanelKind.Bf16)
        {
            // To nearest, ties away from zero: these never leave the processor, and three operations are saved.
            var half = Vector512.Create(0x8000u);
            var low = (even.AsUInt32() + half) >>> 16;
            var high = (odd.AsUInt32() + half) & Vector512.Create(0xFFFF_0000u);
            (low | high).Store((uint*)(at + (row >> 1) * _stepBytes));
            return;
        }

        if (_kind == PanelKind.RoundedFp32)
        {
            var (half, upper) = (Vector512.Create(0x8000u), Vector512.Create(0xFFFF_0000u));
            even = ((even.AsUInt32() + half) & upper).AsSingle();
            odd = ((odd.AsUInt32() + half) & upper).AsSingle();
        }

        at += row * _stepBytes;
        Store(at, even);
        Store(at + _stepBytes, odd);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Store(byte* at, Vector512<float> value)
    {
        if (_halfLanes == 8 * sizeof(float))
        {
            value.Store((float*)at);
            return;
        }

        value.GetLower().Store((float*)at);
        value.GetUpper().Store((float*)(at + _halfLanes));
    }
}
