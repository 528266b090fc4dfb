using System.Diagnostics;
using System.Numerics;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu;

/// <summary>Measures how fast threads together read memory that no cache holds: the limit of what computes little.</summary>
public static unsafe class MemoryRate
{
    private const long BytesPerThread = 96L << 20;
    private const int Passes = 3;

    /// <summary>Bytes per second: the best of several passes.</summary>
    public static double Measure(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        var rates = new double[threads];
        using var start = new Barrier(threads);
        var team = Enumerable.Range(0, threads).Select(t => new Thread(() => rates[t] = MeasureOne(start))).ToArray();
        foreach (var thread in team)
            thread.Start();
        foreach (var thread in team)
            thread.Join();
        return rates.Sum();
    }

    private static double MeasureOne(Barrier start)
    {
        using var buffer = new NativeBuffer(BytesPerThread);
        buffer.Span<byte>(checked((int)BytesPerThread)).Fill(1);
        var best = 0.0;
        for (var pass = 0; pass < Passes; pass++)
        {
            start.SignalAndWait();
            var started = Stopwatch.GetTimestamp();
            var sum = Read((Vector<int>*)buffer.Pointer, BytesPerThread / sizeof(Vector<int>));
            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            // The sum is used, so that it is computed.
            best = Math.Max(best, sum == 0 ? 0 : BytesPerThread / seconds);
        }

        return best;
    }

    private static int Read(Vector<int>* at, long count)
    {
        var (a, b, c, d) = (Vector<int>.Zero, Vector<int>.Zero, Vector<int>.Zero, Vector<int>.Zero);
        for (var i = 0L; i + 4 <= count; i += 4)
        {
            a += at[i];
            b += at[i + 1];
            c += at[i + 2];
            d += at[i + 3];
        }

        return Vector.Sum(a + b + c + d) | 1;
    }
}
