namespace Afina.Engine.Cpu.Panels;

/// <summary>Reads rectangles of a stored row-major matrix as the elements of a <see cref="PanelKind"/>: fp32 or bfloat16.</summary>
internal abstract unsafe class MatrixReader
{
    /// <summary>The elements themselves when they need no conversion, so that packers read them in place; otherwise null.</summary>
    public virtual byte* Data => null;

    /// <summary>Elements from one row of <see cref="Data"/> to the next.</summary>
    public virtual int Stride => 0;

    /// <summary>Writes the rectangle [rows, columns] to <paramref name="destination"/>, whose rows are <paramref name="stride"/> elements apart.</summary>
    public abstract void Read(int row, int rows, int column, int columns, byte* destination, int stride);
}
