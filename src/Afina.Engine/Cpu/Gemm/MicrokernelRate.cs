using System.Diagnostics;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Measures what the innermost product reaches with its operands in the first cache: the limit that every product is compared with.</summary>
public static unsafe class MicrokernelRate
{
    private const int Inner = 256;
    private const int Groups = 64;
    private const int Runs = 5;

    /// <summary>GFLOP/s (a multiplication and an addition are two) of the kernel chosen for bf16 or fp32 products, on that many threads at once:
    /// the best of several runs of about <paramref name="milliseconds"/> each.</summary>
    public static double Measure(int threads, bool bf16 = true, int milliseconds = 40) =>
        Measure(MicroKernels.For(bf16 ? ComputeMode.Bf16 : ComputeMode.Fp32), threads, milliseconds);

    internal static double Measure(MicroKernel kernel, int threads, int milliseconds = 40, int runs = Runs)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        kernel.Prepare(kernel.Rows, kernel.Width);
        var best = 0.0;
        for (var run = 0; run < runs; run++)
        {
            var rates = new double[threads];
            using var start = new Barrier(threads);
            var team = Enumerable.Range(0, threads).Select(t => new Thread(() => rates[t] = MeasureOne(kernel, start, milliseconds))).ToArray();
            foreach (var thread in team)
                thread.Start();
            foreach (var thread in team)
                thread.Join();
            best = Math.Max(best, rates.Sum());
        }

        return best;
    }

    private static double MeasureOne(MicroKernel kernel, Barrier start, int milliseconds)
    {
        var steps = Inner / kernel.StepElements;
        using var left = new NativeBuffer((long)kernel.Rows * steps * MicroKernel.StepBytes);
        using var right = new NativeBuffer((long)kernel.Width * steps * MicroKernel.StepBytes);
        using var sums = new NativeBuffer((long)Groups * kernel.Rows * kernel.Width * sizeof(float));
        var segment = new KernelSegment { Right = right.Pointer, Steps = steps };
        var arguments = new KernelArguments
        {
            Left = left.Pointer,
            LeftStride = 0,
            Segments = &segment,
            SegmentCount = 1,
            Tile = (float*)sums.Pointer,
            TileStride = 0,
            Groups = Groups,
        };
        kernel.Run(&arguments, kernel.Rows, kernel.Width);
        start.SignalAndWait();
        var clock = Stopwatch.StartNew();
        long calls = 0;
        while (clock.ElapsedMilliseconds < milliseconds)
        {
            kernel.Run(&arguments, kernel.Rows, kernel.Width);
            calls++;
        }

        var flops = 2.0 * calls * Groups * kernel.Rows * kernel.Width * Inner;
        return flops / clock.Elapsed.TotalSeconds / 1e9;
    }
}
