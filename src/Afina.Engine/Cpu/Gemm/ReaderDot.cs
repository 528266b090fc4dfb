using System.Numerics;
using Afina.Engine.Cpu.Panels;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Widens a stretch of a row to fp32, then multiplies: any format, any processor.</summary>
internal sealed unsafe class ReaderDot(MatrixReader reader, int columns) : RowDot
{
    private const int Piece = 1024;

    /// <summary>Scratch that <see cref="Run"/> needs.</summary>
    public const long ScratchBytes = Piece * sizeof(float);

    public override void Run(int row, float* x, int stride, int rows, float* sums, int sumStride, byte* scratch)
    {
        for (var c = 0; c < columns; c += Piece)
        {
            var count = Math.Min(Piece, columns - c);
            reader.Read(row, 1, c, count, scratch, Piece);
            for (var i = 0; i < rows; i++)
                sums[(long)i * sumStride] += Dot((float*)scratch, x + (long)i * stride + c, count);
        }
    }

    private static float Dot(float* a, float* b, int count)
    {
        var width = Vector<float>.Count;
        var (even, odd) = (Vector<float>.Zero, Vector<float>.Zero);
        var i = 0;
        for (; i <= count - 2 * width; i += 2 * width)
        {
            even = Vector.MultiplyAddEstimate(Vector.Load(a + i), Vector.Load(b + i), even);
            odd = Vector.MultiplyAddEstimate(Vector.Load(a + i + width), Vector.Load(b + i + width), odd);
        }

        var sum = Vector.Sum(even + odd);
        for (; i < count; i++)
            sum += a[i] * b[i];
        return sum;
    }
}
