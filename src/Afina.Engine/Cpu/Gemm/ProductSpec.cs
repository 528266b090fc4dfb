using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Which dimension of a product the row count of a run binds.</summary>
internal enum CountedDimension : byte
{
    /// <summary>The rows of the outputs (forward, input gradients).</summary>
    Rows,

    /// <summary>The inner dimension of every left operand (gradients of parameters: sums over token rows; many of them, of the same number of
    /// output rows, may share a product, and so its two phases).</summary>
    Inner,
}

/// <summary>A left operand [m, k], packed once and shared by all outputs that name it.</summary>
/// <param name="Operand">Logically [m, k].</param>
/// <param name="Inner">k; the capacity when the inner dimension is counted.</param>
internal sealed record ProductLeft(Operand Operand, int Inner);

/// <summary>One summand: the left operand of that index times a right operand [k, n].</summary>
internal sealed record ProductTerm(int Left, Operand Right);

/// <summary>C[m, n] = columnScale[n] * scale * sum of terms + bias[n] + residual[m, n] + beta * C.</summary>
internal sealed unsafe class ProductOutput
{
    /// <summary>The first element of C.</summary>
    public required void* Data { get; init; }

    /// <summary>F32 or BF16.</summary>
    public required DType Type { get; init; }

    /// <summary>Elements from one row of C to the next.</summary>
    public required int Stride { get; init; }

    /// <summary>n.</summary>
    public required int Columns { get; init; }

    /// <summary>The summands; at least one.</summary>
    public required IReadOnlyList<ProductTerm> Terms { get; init; }

    /// <summary>Multiplies what C held; 0 writes over it without reading.</summary>
    public float Beta { get; init; }

    /// <summary>Multiplies the sum of terms.</summary>
    public float Scale { get; init; } = 1;

    /// <summary>Added to each row: fp32 [n], or null.</summary>
    public float* Bias { get; init; }

    /// <summary>Multiplies each column of the sum of terms: fp32 [n], or null.</summary>
    public float* ColumnScale { get; init; }

    /// <summary>Added: [m, n] F32 or BF16, or null.</summary>
    public Operand? Residual { get; init; }

    /// <summary>Whether C is stored transposed, [n, m].</summary>
    public bool IsTransposed { get; init; }
}

/// <summary>Everything about a product that is known before it runs.</summary>
/// <param name="Mode">The precision of the operands.</param>
/// <param name="Rows">m; the capacity when the rows are counted.</param>
/// <param name="Lefts">Left operands.</param>
/// <param name="Outputs">Outputs, each with its own columns.</param>
/// <param name="Counted">What the count of a run binds.</param>
internal sealed record ProductSpec(
    ComputeMode Mode,
    int Rows,
    IReadOnlyList<ProductLeft> Lefts,
    IReadOnlyList<ProductOutput> Outputs,
    CountedDimension Counted = CountedDimension.Rows);
