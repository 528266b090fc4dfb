using System.Diagnostics;
using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Runs;

/// <summary>A product's rate.</summary>
/// <param name="Shape">Whose product it is, and its sizes.</param>
/// <param name="Flops">Operations per second.</param>
/// <param name="Share">Of the in-cache microkernel's rate.</param>
public sealed record ProductRate(string Shape, double Flops, double Share);

/// <summary>Measures products at the shapes of small models, 512 rows, weights in bf16.</summary>
public static class ProductBenchmark
{
    private static readonly (string Name, int Inputs, int[] Outputs)[] Shapes =
    [
        ("SmolLM2-135M q,k,v", 576, [576, 192, 192]), ("SmolLM2-135M o", 576, [576]), ("SmolLM2-135M gate,up", 576, [1536, 1536]),
        ("SmolLM2-135M down", 1536, [576]), ("Llama-3.2-1B q,k,v", 2048, [2048, 512, 512]), ("Llama-3.2-1B gate,up", 2048, [8192, 8192]), ("Llama-3.2-1B down", 8192, [2048]),
    ];

    /// <summary>Runs the benchmark.</summary>
    /// <param name="precision">Type of the activations: bf16 or fp32.</param>
    /// <param name="threads">Threads; 0: one per processor.</param>
    /// <returns>The microkernel's rate, and each product's.</returns>
    public static (double MicrokernelFlops, IReadOnlyList<ProductRate> Products) Run(string? precision, int threads = 0)
    {
        var type = precision == "fp32" ? DType.F32 : DType.BF16;
        using var team = new Team(threads > 0 ? threads : Environment.ProcessorCount);
        var backend = Backends.Default();
        var peak = backend.PeakFlops(type, team.Size);
        return (peak, [.. Shapes.Select(shape => Measure(shape.Name, shape.Inputs, shape.Outputs, type, backend, team, peak))]);
    }

    private static ProductRate Measure(string name, int inputs, int[] outputs, DType type, Backend backend, Team team, double peak)
    {
        const int Rows = 512;
        var random = new Random(1);
        var x = new Value("x", type, Dimension.Rows, inputs, Residence.Bound);
        List<Value?> operands = [x, null, null];
        for (var i = 0; i < outputs.Length; i++)
        {
            var buffer = new NativeBuffer(2L * outputs[i] * inputs);
            foreach (ref var bits in buffer.Span<ushort>(outputs[i] * inputs))
                bits = BFloat16.FromSingle(random.NextSingle() - 0.5f);
            operands.AddRange(new Value(Weight.Of($"w{i}", BlockFormats.BF16, outputs[i], inputs, buffer)), null, null, null);
        }

        var graph = new Graph();
        foreach (var y in graph.Add(new Linear([.. outputs.Select(size => new Projection(size))], type), name, [.. operands]))
            graph.Results.Add(y);
        var counts = new Counts { Rows = Rows };
        var bindings = new Bindings();
        bindings.Allocate(x, counts);
        var plan = backend.Plan(graph, counts, team.Size);
        using var arena = new NativeBuffer(plan.ArenaBytes);
        var executor = new Executor(plan, backend, bindings, team, arena);
        var flops = 2.0 * Rows * inputs * outputs.Sum();

        // The first runs are the runtime's: it compiles what packs the operands at its highest tier.
        double Best(double seconds)
        {
            var (begun, best) = (Stopwatch.GetTimestamp(), double.PositiveInfinity);
            do
            {
                var started = Stopwatch.GetTimestamp();
                executor.Run(counts);
                best = Math.Min(best, Stopwatch.GetElapsedTime(started).TotalSeconds);
            }
            while (Stopwatch.GetElapsedTime(begun).TotalSeconds < seconds);
            return best;
        }

        Best(0.3);
        var best = Best(0.3);
        return new ProductRate($"{name} [{Rows} x {inputs}] x [{inputs} x {outputs.Sum()}]", flops / best, peak > 0 ? flops / best / peak : 0);
    }
}
