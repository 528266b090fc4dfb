using Afina.Engine.Tensors;
using Afina.Models;
using Afina.Runs;

namespace Afina.Bench;

/// <summary>The whole training step, as a share of the machine's limit, with the time of each operation.</summary>
internal static class TrainBench
{
    public static int Run(string[] arguments)
    {
        var options = new TrainBenchmarkOptions { Model = "", Profile = new RunProfile() };
        for (var i = 0; i < arguments.Length - 1; i += 2)
        {
            var value = arguments[i + 1];
            options = arguments[i] switch
            {
                "--model" => options with { Model = value },
                "--weights" or "--quantize" => options with { Weights = Enum.Parse<WeightFormat>(value, ignoreCase: true) },
                "--type" => options with { Type = Enum.Parse<DType>(value, ignoreCase: true) },
                "--sequences" => options with { Sequences = int.Parse(value) },
                "--length" or "--rows" => options with { Length = int.Parse(value) },
                "--labelled" => options with { Labelled = double.Parse(value) },
                "--micro-rows" => options with { MicroRows = int.Parse(value) },
                "--steps" => options with { Steps = int.Parse(value) },
                "--threads" => options with { Threads = int.Parse(value) },
                _ => throw new ArgumentException($"unknown option {arguments[i]}"),
            };
        }

        var result = TrainBenchmark.Run(options);
        Console.WriteLine($"{result.TokensPerSecond:F1} tokens/s, {result.ShareOfLimit:P1} of {result.LimitTokensPerSecond:F0} ({result.MicrokernelFlops / 1e9:F0} GFLOP/s, {result.Kernels}), micro-step {result.MicroRows} rows, peak {result.PeakBytes / 1e6:F0} MB, planned {result.PlannedBytes / 1e6:F0} MB");
        foreach (var operation in result.Profile!.Rows)
            Console.WriteLine($"{operation.Operation,-28} {operation.Nodes,5} {operation.Seconds * 1000,10:F1} ms");
        return 0;
    }
}
