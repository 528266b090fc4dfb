using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The elements of a value as a kernel sees them: fp32 or bf16 in memory, fp32 in registers, 16 at a time.</summary>
internal readonly unsafe struct Cells
{
    private readonly bool _isHalf;

    public Cells(Value value, Memory memory)
    {
        if (value.Type is not (DType.F32 or DType.BF16))
            throw new NotSupportedException($"the CPU's kernels hold activations as F32 or BF16, not {value.Type}");
        Data = memory[value];
        Columns = value.Columns;
        _isHalf = value.Type == DType.BF16;
    }

    public byte* Data { get; }

    public int Columns { get; }

    public DType Type => _isHalf ? DType.BF16 : DType.F32;

    public bool Exists => Data is not null;

    /// <summary>Where a row begins.</summary>
    public byte* Row(int row) => Data + (long)row * Columns * (_isHalf ? 2 : 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Load(long at) => _isHalf ? Conversions.Widen(Vector256.Load((ushort*)Data + at)) : Vector512.Load((float*)Data + at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(long at, Vector512<float> value)
    {
        if (_isHalf)
            Conversions.Narrow(value).Store((ushort*)Data + at);
        else
            value.Store((float*)Data + at);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float One(long at) => _isHalf ? BFloat16.ToSingle(((ushort*)Data)[at]) : ((float*)Data)[at];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreOne(long at, float value)
    {
        if (_isHalf)
            ((ushort*)Data)[at] = BFloat16.FromSingle(value);
        else
            ((float*)Data)[at] = value;
    }

    /// <summary>Stores, or adds to what is there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put(long at, Vector512<float> value, bool adds) => Store(at, adds ? Load(at) + value : value);

    /// <summary>Stores, or adds to what is there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void PutOne(long at, float value, bool adds) => StoreOne(at, adds ? One(at) + value : value);
}
