using System.Runtime.Intrinsics;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>One head of one row.</summary>
internal static unsafe class AttentionRows
{
    /// <summary>Σ row · x.</summary>
    public static float Dot(in Cells row, long at, float* x, int dim)
    {
        var sums = Vector512<float>.Zero;
        var j = 0;
        for (; j <= dim - 16; j += 16)
            sums = Vector512.FusedMultiplyAdd(row.Load(at + j), Vector512.Load(x + j), sums);
        var sum = Vector512.Sum(sums);
        for (; j < dim; j++)
            sum += row.One(at + j) * x[j];
        return sum;
    }

    /// <summary>Σ a · b.</summary>
    public static float Dot(in Cells a, in Cells b, long at, int dim)
    {
        var sums = Vector512<float>.Zero;
        var j = 0;
        for (; j <= dim - 16; j += 16)
            sums = Vector512.FusedMultiplyAdd(a.Load(at + j), b.Load(at + j), sums);
        var sum = Vector512.Sum(sums);
        for (; j < dim; j++)
            sum += a.One(at + j) * b.One(at + j);
        return sum;
    }

    /// <summary>sum += factor · row.</summary>
    public static void Add(in Cells row, long at, float factor, float* sum, int dim)
    {
        var j = 0;
        for (; j <= dim - 16; j += 16)
            Vector512.FusedMultiplyAdd(row.Load(at + j), Vector512.Create(factor), Vector512.Load(sum + j)).Store(sum + j);
        for (; j < dim; j++)
            sum[j] += row.One(at + j) * factor;
    }

    /// <summary>row (+)= factor · x.</summary>
    public static void Store(in Cells row, long at, float* x, int dim, float factor, bool adds)
    {
        var j = 0;
        for (; j <= dim - 16; j += 16)
            row.Put(at + j, Vector512.Load(x + j) * factor, adds);
        for (; j < dim; j++)
            row.PutOne(at + j, x[j] * factor, adds);
    }
}
