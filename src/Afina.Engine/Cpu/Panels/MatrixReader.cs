using System.Runtime.Intrinsics.X86;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Reads rectangles of a stored row-major matrix as the elements of a <see cref="PanelKind"/>: fp32 or bfloat16.</summary>
internal abstract unsafe class MatrixReader
{
    /// <summary>The elements themselves when packers can read them in place (they widen bfloat16); otherwise null.</summary>
    public virtual byte* Data => null;

    /// <summary>F32 or BF16: what lies at <see cref="Data"/>.</summary>
    public virtual DType DataType => DType.F32;

    /// <summary>Elements from one row of <see cref="Data"/> to the next.</summary>
    public virtual int Stride => 0;

    /// <summary>Writes the rectangle [rows, columns] to <paramref name="destination"/>, whose rows are <paramref name="stride"/> elements apart.</summary>
    public abstract void Read(int row, int rows, int column, int columns, byte* destination, int stride);

    /// <summary>Asks the second cache for a rectangle that will be read soon.</summary>
    public virtual void Prefetch(int row, int rows, int column, int columns)
    {
    }

    /// <summary>Asks for <paramref name="bytes"/> bytes of each row.</summary>
    protected static void PrefetchRows(byte* first, long strideBytes, int rows, int bytes)
    {
        if (!Sse.IsSupported)
            return;
        for (var r = 0; r < rows; r++, first += strideBytes)
        {
            for (var at = (nint)first & ~63; at < (nint)first + bytes; at += 64)
                Sse.Prefetch1((void*)at);
        }
    }
}
