using Afina.Engine.Cpu.Panels;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>A matrix that enters a product: plain fp32 or bfloat16 memory, or a frozen weight, as stored or transposed.</summary>
internal readonly unsafe struct Operand
{
    private Operand(byte* data, DType type, int stride, Weight? weight, bool isTransposed)
    {
        Data = data;
        Type = type;
        Stride = stride;
        Weight = weight;
        IsTransposed = isTransposed;
    }

    /// <summary>The first element; null for a weight.</summary>
    public byte* Data { get; }

    /// <summary>F32 or BF16.</summary>
    public DType Type { get; }

    /// <summary>Elements from one stored row to the next.</summary>
    public int Stride { get; }

    /// <summary>The frozen weight, or null.</summary>
    public Weight? Weight { get; }

    /// <summary>Whether the product sees the transpose of what is stored.</summary>
    public bool IsTransposed { get; }

    /// <summary>The transpose.</summary>
    public Operand Transposed => new(Data, Type, Stride, Weight, !IsTransposed);

    /// <summary>Row-major memory whose rows are <paramref name="stride"/> elements apart.</summary>
    public static Operand Dense(void* data, DType type, int stride)
    {
        if (type is not (DType.F32 or DType.BF16))
            throw new ArgumentException($"a product's operand is F32 or BF16, not {type}", nameof(type));
        return new((byte*)data, type, stride, null, false);
    }

    /// <summary>A frozen weight [outputs, inputs].</summary>
    public static Operand Of(Weight weight) => new(null, DType.F32, weight.Columns, weight, false);

    /// <summary>How panels are packed from this operand: as a left operand [m, k] its lanes are rows, as a right one [k, n] columns.</summary>
    public PanelSource Source(PanelKind kind, bool left)
    {
        var reader = Weight is null ? new DenseReader(Data, Type, Stride, kind) : MatrixReaders.Of(Weight, kind);
        return new PanelSource(reader, kind, innerContiguous: left != IsTransposed);
    }
}
