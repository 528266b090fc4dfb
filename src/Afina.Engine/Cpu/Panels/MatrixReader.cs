using Afina.Engine.Cpu.Gemm;
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

    /// <summary>The memory that <see cref="Read"/> reads for a rectangle; none where that is not worth asking for ahead.</summary>
    public virtual LinesAhead Lines(int row, int rows, int column, int columns) => default;
}
