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
        if (!Vector.IsHardwareAccelerated)
            return DotOfNumbers(a, b, count);
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

    /// <summary>Where vectors are but emulated.</summary>
    private static float DotOfNumbers(float* a, float* b, int count)
    {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        var i = 0;
        for (; i <= count - 4; i += 4)
        {
            s0 += a[i] * b[i];
            s1 += a[i + 1] * b[i + 1];
            s2 += a[i + 2] * b[i + 2];
            s3 += a[i + 3] * b[i + 3];
        }

        for (; i < count; i++)
            s0 += a[i] * b[i];
        return s0 + s1 + (s2 + s3);
    }
}
