using System.Diagnostics;
using System.Globalization;
using Afina.Engine.Cpu;
using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Segment = Afina.Engine.Ops.Segment;

namespace Afina.Bench;

/// <summary>`afina-bench attention`: causal attention of packed rows, forward and backward, as shares of the microkernel rate of the same run.</summary>
internal static unsafe class AttentionBench
{
    public static int Run(string[] arguments)
    {
        var threads = Value(arguments, "--threads", Environment.ProcessorCount);
        var segments = Value(arguments, "--segments", 4);
        var rows = Value(arguments, "--rows", 512);
        var cached = Value(arguments, "--cached", 0);
        var milliseconds = Value(arguments, "--ms", 1000);
        var options = new AttentionOptions(Value(arguments, "--heads", 9), Value(arguments, "--kv", 3), Value(arguments, "--dim", 64), 0.125f, Value(arguments, "--window", 0));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{segments} segments of {rows} rows, {cached} cached, {options.Heads} heads over {options.KeyValueHeads}, dim {options.HeadDim}, {threads} threads"));
        foreach (var type in new[] { DType.BF16, DType.F32 })
        {
            if (Array.IndexOf(arguments, "--only") is var at and >= 0 && arguments[at + 1] != type.ToString())
                continue;
            Measure(type, options, segments, rows, cached, threads, milliseconds);
        }

        return 0;
    }

    private static void Measure(DType type, AttentionOptions options, int segments, int rows, int cached, int threads, int milliseconds)
    {
        var backward = cached == 0;
        var counts = new Counts { Rows = segments * rows, Segments = segments, CachedRows = segments * cached };
        var bindings = new Bindings();
        var graph = new Graph();
        var (wide, narrow) = (options.Heads * options.HeadDim, options.KeyValueHeads * options.HeadDim);
        var list = new Value("segments", DType.I32, Dimension.Segments, Segment.Fields, Residence.Bound);
        var fields = bindings.Allocate(list, counts).Span<int>(segments * Segment.Fields);
        for (var s = 0; s < segments; s++)
            ((ReadOnlySpan<int>)[s * rows, rows, -1, cached, s * cached, cached]).CopyTo(fields[(s * Segment.Fields)..]);
        Value?[] inputs =
        [
            Input("q", Dimension.Rows, wide), Input("k", Dimension.Rows, narrow), Input("v", Dimension.Rows, narrow), list, null,
            cached > 0 ? Input("keys", Dimension.CachedRows, narrow) : null, cached > 0 ? Input("values", Dimension.CachedRows, narrow) : null,
        ];
        var outputs = graph.Add(new Attention(options), "attention", inputs);
        graph.Results.UnionWith(outputs);
        if (backward)
        {
            Value[] gradients = [new("dq", type, Dimension.Rows, wide), new("dk", type, Dimension.Rows, narrow), new("dv", type, Dimension.Rows, narrow)];
            graph.Add(new Node(new AttentionGradient(options), "attention", -1,
                [inputs[0], inputs[1], inputs[2], list, null, outputs[0], outputs[1], Input("do", Dimension.Rows, wide)], gradients, [false, false, false]));
            graph.Results.UnionWith(gradients);
        }

        var backend = new CpuBackend();
        var plan = backend.Plan(graph, counts, threads);
        using var team = new Team(threads);
        using var arena = new NativeBuffer(plan.ArenaBytes);
        var executor = new Executor(plan, backend, bindings, team, arena);
        double best = double.MaxValue, bestBackward = double.MaxValue, rate = 0;
        for (var round = 0; round < 3; round++)
        {
            rate = Math.Max(rate, MicrokernelRate.Measure(threads, type == DType.BF16, 10));
            var total = Stopwatch.StartNew();
            while (total.ElapsedMilliseconds < milliseconds / 3)
            {
                executor.Profile = new Profile(plan);
                executor.Run(counts);
                best = Math.Min(best, executor.Profile.Seconds(0));
                if (backward)
                    bestBackward = Math.Min(bestBackward, executor.Profile.Seconds(1));
            }
        }

        // A product is counted where a query sees a key: two forward, five backward (the kernels do seven).
        var product = 2.0 * options.Heads * options.HeadDim * segments * Enumerable.Range(0, rows).Sum(row => (double)Math.Min(cached + row + 1, options.Window == 0 ? int.MaxValue : options.Window));
        Print("forward", 2 * product, best);
        if (!backward)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"       keys and values read at {2.0 * segments * (cached + rows) * narrow * type.Bytes() / best / 1e9:F1} GB/s"));
            return;
        }

        Print("backward", 5 * product, bestBackward);
        Print("together", 7 * product, best + bestBackward);

        void Print(string what, double flops, double seconds) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  {type,-5} {what,-9} {seconds * 1e3,8:F2} ms {flops / seconds / 1e9,8:F0} GFLOP/s {flops / seconds / 1e9 / rate,6:F2} of {rate,5:F0}"));

        Value Input(string name, Dimension dimension, int columns)
        {
            var value = new Value(name, type, dimension, columns, Residence.Bound);
            var buffer = bindings.Allocate(value, counts);
            var random = new Random(columns);
            for (var i = 0; i < dimension.Of(counts) * columns; i++)
            {
                var number = (float)(2 * random.NextDouble() - 1);
                if (type == DType.BF16)
                    ((ushort*)buffer.Pointer)[i] = BFloat16.FromSingle(number);
                else
                    ((float*)buffer.Pointer)[i] = number;
            }

            return value;
        }
    }

    private static int Value(string[] arguments, string name, int otherwise)
    {
        var at = Array.IndexOf(arguments, name);
        return at >= 0 && at + 1 < arguments.Length ? int.Parse(arguments[at + 1], CultureInfo.InvariantCulture) : otherwise;
    }
}
