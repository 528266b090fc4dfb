using System.Numerics;
using Afina.Engine.Cpu.Panels;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Widens a stretch of a row to fp32, then multiplies: any format, any processor.</summary>
internal sealed unsafe class ReaderDot(MatrixReader reader, int columns) : RowDot
{
    private const int Piece = 1024;

    public override long ScratchBytes => Piece * sizeof(float);

    public override void Run(int first, int count, float* x, int stride, int rows, float* sums, int sumStride, byte* scratch)
    {
        for (var row = 0; row < count; row++)
        {
            for (var c = 0; c < columns; c += Piece)
            {
                var length = Math.Min(Piece, columns - c);
                reader.Read(first + row, 1, c, length, scratch, Piece);
                for (var i = 0; i < rows; i++)
                    sums[(long)i * sumStride + row] += Dot((float*)scratch, x + (long)i * stride + c, length);
            }
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
