using System.Diagnostics;
using Afina.Adapters;
using Afina.Data.Packing;
using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Afina.Models;
using Afina.Training;

namespace Afina.Runs;

/// <summary>What a training benchmark runs: a step of random tokens, by default 4 sequences of 512, every row a target.</summary>
public sealed record TrainBenchmarkOptions
{
    /// <summary>Model file or folder.</summary>
    public required string Model { get; init; }

    /// <summary>How the frozen matrices are kept.</summary>
    public WeightFormat Weights { get; init; } = WeightFormat.Bf16;

    /// <summary>Type of the activations.</summary>
    public DType Type { get; init; } = DType.BF16;

    /// <summary>The same by its name in recipes: bf16 or fp32.</summary>
    public string? Precision
    {
        init => Type = value == "fp32" ? DType.F32 : DType.BF16;
    }

    /// <summary>Sequences of a step.</summary>
    public int Sequences { get; init; } = 4;

    /// <summary>Rows of a sequence.</summary>
    public int Length { get; init; } = 512;

    /// <summary>Share of the rows that have a target.</summary>
    public double Labelled { get; init; } = 1;

    /// <summary>Rank of the adapter, on all linear layers.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>Rows of a micro-step; null: the planner's choice.</summary>
    public int? MicroRows { get; init; }

    /// <summary>What the backward computes again; null: the planner's choice.</summary>
    public Checkpoint? Checkpoint { get; init; }

    /// <summary>Bytes that may be used; null: what is free.</summary>
    public long? Memory { get; init; }

    /// <summary>Steps before the measured ones.</summary>
    public int WarmUp { get; init; } = 2;

    /// <summary>Measured steps.</summary>
    public int Steps { get; init; } = 5;

    /// <summary>Threads; 0: one per processor.</summary>
    public int Threads { get; init; }

    /// <summary>Takes the time per operation, or null.</summary>
    public RunProfile? Profile { get; init; }
}

/// <summary>What a training benchmark measured.</summary>
/// <param name="TokensPerSecond">Tokens of the measured steps over their time, updates included.</param>
/// <param name="PeakBytes">Largest resident set of the process.</param>
/// <param name="PlannedBytes">What the plan said.</param>
/// <param name="MicroRows">Rows of a micro-step.</param>
/// <param name="MicrokernelFlops">Operations per second of the in-cache microkernel on all threads, the mean of measurements between the steps.</param>
/// <param name="LimitTokensPerSecond">The rate of the microkernel over the operations of a token.</param>
/// <param name="ShareOfLimit">The first over the last.</param>
/// <param name="Kernels">The kernel set.</param>
/// <param name="Profile">Time per operation, where it was measured.</param>
public sealed record TrainBenchmarkResult(double TokensPerSecond, long PeakBytes, long PlannedBytes, int MicroRows, double MicrokernelFlops, double LimitTokensPerSecond, double ShareOfLimit, string Kernels, ProfileReport? Profile);

/// <summary>Measures the training step.</summary>
public static class TrainBenchmark
{
    private const int PeaksPerStep = 5;

    /// <summary>Runs the benchmark.</summary>
    public static TrainBenchmarkResult Run(TrainBenchmarkOptions options)
    {
        using var model = LanguageModel.Open(options.Model);
        var decoder = new WeightConversion(options.Weights).Apply(model.Decoder);
        var (adapter, _) = Lora.Create(decoder, new LoraConfig { R = options.Rank, LoraAlpha = 2 * options.Rank, TargetModules = ModuleNames.Expression("all-linear") }, 1);
        using var team = new Team(options.Threads > 0 ? options.Threads : Environment.ProcessorCount);
        var backend = Backends.Default();
        var planner = new PlannerOptions(options.Type, new LossOptions(), new OptimizerOptions()) { MicroRows = options.MicroRows, Checkpoint = options.Checkpoint, Memory = options.Memory };
        var (plans, memory) = TrainingPlanner.Choose(decoder, adapter, planner, new TrainingLoad(options.Length, options.Sequences * options.Length, new WeightConversion(options.Weights).Bytes(model.Decoder)) { DataBytes = ProcessMemory.ManagedBytes(), LoadingBytes = ProcessMemory.PeakBytes() }, backend, team.Size);
        using var programs = new TrainingPrograms(plans, backend, team);
        options.Profile?.Attach(programs.Executors);
        var microRows = plans.Options.Capacity.Rows;
        var batches = Batches(options, microRows, decoder.Config.VocabularySize);
        var seconds = new List<double>();
        // Clocks wander, and cores are shared with others: the limit is what the machine had to give while the steps ran, not its best moment.
        var peaks = new List<double>();
        for (var step = 0; step < options.WarmUp + options.Steps; step++)
        {
            if (step == options.WarmUp)
                options.Profile?.Clear();
            var started = Stopwatch.GetTimestamp();
            for (var micro = 0; micro < batches.Length; micro++)
                programs.Accumulate(batches[micro], 1, step, micro);
            programs.Update(step, 1e-4);
            if (step < options.WarmUp)
                continue;
            seconds.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
            for (var i = 0; i < PeaksPerStep; i++)
                peaks.Add(backend.PeakFlops(options.Type, team.Size, measurements: 1));
        }

        var rate = options.Sequences * options.Length / seconds.Average();
        var flops = peaks.Average();
        var limit = flops / FlopsPerToken(decoder, options);
        return new TrainBenchmarkResult(rate, ProcessMemory.PeakBytes(), memory.Total, microRows, flops, limit, rate / limit, backend.Name,
            options.Profile?.Report(backend, options.Type, team.Size));
    }

    /// <summary>Operations of a step per token: products of the frozen weights forward and for the inputs' gradients, the low-rank terms
    /// (three products of each kind), causal attention (seven products).</summary>
    public static double FlopsPerToken(Decoder model, TrainBenchmarkOptions options)
    {
        var products = model.Modules.Sum(module => (double)module.Outputs * module.Inputs) + (double)model.Config.VocabularySize * model.Config.HiddenSize;
        var low = model.Modules.Sum(module => (double)options.Rank * (module.Outputs + module.Inputs));
        var attention = 7.0 * options.Length * model.Config.Heads * model.Config.HeadDim * model.Config.Layers.Count;
        return 4 * products + 6 * low + attention;
    }

    private static MicroBatch[] Batches(TrainBenchmarkOptions options, int microRows, int vocabulary)
    {
        var random = new Random(1);
        var each = Math.Max(1, microRows / options.Length);
        return
        [
            .. Enumerable.Range(0, options.Sequences).Chunk(each).Select(chunk =>
            {
                var rows = chunk.Length * options.Length;
                var count = Math.Max(1, (int)(rows * options.Labelled));
                var labelled = Enumerable.Range(0, rows).Where(row => (long)row * count / rows != (row + 1L) * count / rows);
                return new MicroBatch(
                    [.. Enumerable.Range(0, rows).Select(_ => random.Next(vocabulary))],
                    [.. chunk.Select((_, i) => new Segment(i * options.Length, options.Length))],
                    [.. labelled.Select(row => new Target(row, random.Next(vocabulary), 1f / options.Sequences / options.Length))], [], []);
            }),
        ];
    }
}
