using System.Globalization;
using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Bench;

/// <summary>`afina-bench gemm`: products of a LoRA step at models' shapes, as shares of the in-cache microkernel rate of the same run.</summary>
internal static class GemmBench
{
    private const int Turns = 12;

    public static int Run(string[] arguments)
    {
        var threads = Value(arguments, "--threads", Environment.ProcessorCount);
        var milliseconds = Value(arguments, "--ms", 1500);
        var rows = Value(arguments, "--rows", 512);
        var filter = Text(arguments, "--only");
        var variant = Text(arguments, "--variant");
        var format = Text(arguments, "--format") is { } name
            ? BlockFormats.Ggml.Concat([BlockFormats.NF4, BlockFormats.FP4]).First(f => f.Name == name)
            : null;
        using var team = new GemmTeam(threads);
        foreach (var mode in new[] { ComputeMode.Bf16, ComputeMode.Fp32 })
        {
            foreach (var kernel in MicroKernels.Available(mode))
            {
                var label = $"{mode}/{kernel.Name}".ToLowerInvariant();
                if (variant is null ? mode == ComputeMode.Bf16 && kernel.Name != "bf16" : !label.Contains(variant, StringComparison.Ordinal))
                    continue;
                Table(label, kernel, team, rows, milliseconds, filter, format);
            }
        }

        return 0;
    }

    private static void Table(string label, MicroKernel kernel, GemmTeam team, int rows, int milliseconds, string? filter, BlockFormat? format)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{label}, weights {format?.Name ?? "BF16"}, {team.Threads} threads, microkernel {MicrokernelRate.Measure(kernel, team.Threads):F0} GFLOP/s"));
        WarmUp(kernel, team);
        double lowRankSeconds = 0, lowRankFlops = 0;
        foreach (var (name, shapes) in Shapes(rows, format))
        {
            foreach (var (what, make) in Products())
            {
                var title = $"{name} {what}";
                if (filter is not null && !title.Contains(filter, StringComparison.Ordinal))
                    continue;
                if (what.Length < 6 && (format is not null || name.Contains("head", StringComparison.Ordinal)))
                    continue;
                using var product = make(title, shapes, kernel);
                if (shapes.Rows <= 4)
                {
                    var time = product.Time(team, milliseconds).Best;
                    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {title,-34} {product.Bytes / time / 1e9,8:F1} GB/s    {time * 1e6,9:F0} us"));
                    continue;
                }

                // In turns, since clocks wander: the best of both, and the median of what each turn's mean is of the microkernel's right before and after.
                product.Time(team, 0);
                var (rate, seconds, ratios) = (0.0, double.MaxValue, new double[Turns]);
                for (var (turn, before) = (0, Microkernel(kernel, team)); turn < Turns; turn++)
                {
                    var (best, mean) = product.Time(team, milliseconds / Turns);
                    var after = Microkernel(kernel, team);
                    (seconds, rate) = (Math.Min(seconds, best), Math.Max(rate, Math.Max(before.Best, after.Best)));
                    ratios[turn] = product.Flops / mean / 1e9 / ((before.Mean + after.Mean) / 2);
                    before = after;
                }

                Array.Sort(ratios);
                if (what.Length < 6)
                    (lowRankSeconds, lowRankFlops) = (lowRankSeconds + seconds * rate, lowRankFlops + product.Flops / 1e9);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {title,-34} {product.Flops / seconds / 1e9,8:F0} GFLOP/s {product.Flops / seconds / 1e9 / rate,6:F2} of {rate,6:F0} {seconds * 1e6,9:F0} us   median {(ratios[Turns / 2] + ratios[(Turns - 1) / 2]) / 2:F2}"));
            }
        }

        if (lowRankSeconds > 0)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  low-rank products together {lowRankFlops / lowRankSeconds,14:F2}"));
    }

    private static (double Best, double Mean) Microkernel(MicroKernel kernel, GemmTeam team)
    {
        var rates = Enumerable.Range(0, 4).Select(_ => MicrokernelRate.Measure(kernel, team.Threads, 5, runs: 1)).ToArray();
        return (rates.Max(), rates.Average());
    }

    /// <summary>Long enough for the runtime to compile the packers at its highest tier.</summary>
    private static void WarmUp(MicroKernel kernel, GemmTeam team)
    {
        foreach (var rows in new[] { 256, 1 })
        {
            foreach (var (_, make) in Products())
            {
                using var product = make("", new GemmShapes(rows, 128, [160], 16), kernel);
                product.Time(team, 150);
            }
        }
    }

    private static IEnumerable<(string, GemmShapes)> Shapes(int rows, BlockFormat? format)
    {
        if (rows <= 4)
        {
            // Larger than any last-level cache, as a model being decoded is.
            yield return ("streamed", new GemmShapes(rows, 2048, [65536], 16, format));
        }

        yield return ("smollm2 qkv", new GemmShapes(rows, 576, [576, 192, 192], 16, format));
        yield return ("smollm2 o", new GemmShapes(rows, 576, [576], 16, format));
        yield return ("smollm2 gate,up", new GemmShapes(rows, 576, [1536, 1536], 16, format));
        yield return ("smollm2 down", new GemmShapes(rows, 1536, [576], 16, format));
        yield return ("smollm2 head", new GemmShapes(Math.Min(rows, 512), 576, [49152], 16, format, IsHead: true));
        yield return ("llama qkv", new GemmShapes(rows, 2048, [2048, 512, 512], 16, format));
        yield return ("llama gate,up", new GemmShapes(rows, 2048, [8192, 8192], 16, format));
        yield return ("llama down", new GemmShapes(rows, 8192, [2048], 16, format));
    }

    private static IEnumerable<(string, Func<string, GemmShapes, MicroKernel, GemmCase>)> Products()
    {
        yield return ("forward", GemmCase.Forward);
        yield return ("backward", GemmCase.Backward);
        yield return ("U", GemmCase.Down);
        yield return ("V", GemmCase.DownGradient);
        yield return ("dA", GemmCase.GradientA);
        yield return ("dB", GemmCase.GradientB);
    }

    private static string? Text(string[] arguments, string name)
    {
        var at = Array.IndexOf(arguments, name);
        return at >= 0 && at + 1 < arguments.Length ? arguments[at + 1] : null;
    }

    private static int Value(string[] arguments, string name, int otherwise) =>
        Text(arguments, name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
