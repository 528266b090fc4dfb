using System.Runtime.InteropServices;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>What an emitted product of stored 4-bit rows with a few rows is called with; the code reads the fields by their offsets.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct DotArguments
{
    /// <summary>32 bfloat16: the values of the codes 0 to 15, twice.</summary>
    public byte* Table;

    /// <summary>The first stored row.</summary>
    public byte* Row;

    /// <summary>Bytes of a stored row.</summary>
    public long RowBytes;

    /// <summary>Stored rows (at least one).</summary>
    public long Rows;

    /// <summary>Blocks of a stored row (at least one).</summary>
    public long Blocks;

    /// <summary>x, per block 16 pairs of bfloat16: element j and element j + 16.</summary>
    public byte* Pairs;

    /// <summary>Bytes from one row of x to the next.</summary>
    public long PairStride;

    /// <summary>Sums of x, per block four fp32: 0, the sum of the block, 0, 0.</summary>
    public byte* Sums;

    /// <summary>Bytes from the sums of one row of x to those of the next.</summary>
    public long SumStride;

    /// <summary>Where the products are added: one fp32 per stored row.</summary>
    public float* Output;

    /// <summary>Bytes from one row of x to the next.</summary>
    public long OutputStride;
}
