using System.Diagnostics;
using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Execution;

namespace Afina.Bench;

/// <summary>Threads that run products' tiles, spinning between phases; between measurements they sleep, so that others have the cores.</summary>
internal sealed class GemmTeam : IDisposable
{
    private readonly Thread[] helpers;
    private MatrixProduct? product;
    private readonly TileQueue queue;
    private int count, phase, tiles, arrived, generation;
    private readonly ManualResetEventSlim running = new();
    private volatile bool stop;

    public GemmTeam(int threads)
    {
        Threads = threads;
        queue = new TileQueue(threads);
        helpers = [.. Enumerable.Range(1, threads - 1).Select(w => new Thread(() => Help(w)))];
        foreach (var helper in helpers)
            helper.Start();
    }

    public int Threads { get; }

    /// <summary>Seconds of the fastest run within about that time, and of the mean one; processor time on one thread, so that other programs do not count.</summary>
    public (double Best, double Mean) Time(MatrixProduct what, int rows, int milliseconds)
    {
        product = what;
        count = rows;
        running.Set();
        var (best, sum, runs) = (double.MaxValue, 0.0, 0);
        var total = Stopwatch.StartNew();
        for (; runs < 1 || total.ElapsedMilliseconds < milliseconds; runs++)
        {
            var (clock, processor) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
            for (var p = 0; p < what.Phases; p++)
                RunPhase(p);
            var wall = Stopwatch.GetElapsedTime(clock).TotalSeconds;
            var seconds = Threads == 1 && wall > 0.003 ? (Environment.CpuUsage.TotalTime - processor).TotalSeconds : wall;
            (best, sum) = (Math.Min(best, seconds), sum + seconds);
        }

        running.Reset();
        return (best, sum / runs);
    }

    public void Dispose()
    {
        stop = true;
        running.Set();
        foreach (var helper in helpers)
            helper.Join();
        running.Dispose();
    }

    private void RunPhase(int which)
    {
        phase = which;
        tiles = product!.Tiles(which, count);
        if (tiles == 0)
            return;
        queue.Reset();
        arrived = 0;
        Interlocked.Increment(ref generation);
        Work(0);
        while (Volatile.Read(ref arrived) < helpers.Length)
            Thread.SpinWait(1);
    }

    private void Work(int worker)
    {
        for (var tile = queue.Take(worker, tiles); tile >= 0; tile = queue.Take(worker, tiles))
            product!.Run(phase, tile, count, worker);
    }

    private void Help(int worker)
    {
        var seen = 0;
        while (!stop)
        {
            if (Volatile.Read(ref generation) == seen)
            {
                running.Wait();
                Thread.SpinWait(1);
                continue;
            }

            seen++;
            Work(worker);
            Interlocked.Increment(ref arrived);
        }
    }
}
