using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Models;

namespace Afina.Training;

/// <summary>What the planner may choose from.</summary>
/// <param name="Type">Type of the activations: F32 or BF16.</param>
/// <param name="Loss">The options of the loss.</param>
/// <param name="Optimizer">How parameters are moved.</param>
public sealed record PlannerOptions(DType Type, LossOptions Loss, OptimizerOptions Optimizer)
{
    /// <summary>Bytes that the process may take; null: nine tenths of what is free.</summary>
    public long? Memory { get; init; }

    /// <summary>Rows of a micro-step, where they are given (a resumed run keeps its own: the cut decides the order of sums).</summary>
    public int? MicroRows { get; init; }

    /// <summary>What the backward computes again, where it is given.</summary>
    public Checkpoint? Checkpoint { get; init; }
}

/// <summary>The planned memory of a training, by part, in bytes.</summary>
/// <param name="Weights">Frozen weights: converted ones, and mapped ones in full.</param>
/// <param name="Adapter">Parameters, gradients, moments.</param>
/// <param name="Activations">The arena.</param>
/// <param name="Runtime">Allowance for the runtime, its compiled code and the data.</param>
public sealed record MemoryReport(long Weights, long Adapter, long Activations, long Runtime)
{
    /// <summary>What .NET, compiled code and small buffers take, as measured on Linux x64 (docs/numerics.md).</summary>
    public const long RuntimeAllowance = 96L << 20;

    /// <summary>The planned peak.</summary>
    public long Total => Weights + Adapter + Activations + Runtime;
}

/// <summary>Chooses how many rows a micro-step takes and what its backward computes again, for the memory that there is.</summary>
public static class TrainingPlanner
{
    /// <summary>More rows at once than this win almost nothing; fewer packings of the weights, but a larger arena.</summary>
    private const int UsefulRows = 512;

    /// <summary>The first plan that fits: as many rows as are useful and cheap recomputation, then fewer rows, then checkpointing per layer.</summary>
    /// <param name="longest">Rows of the longest example.</param>
    /// <param name="most">Rows of the largest step.</param>
    /// <param name="weightBytes">Bytes of the frozen weights.</param>
    /// <param name="dataBytes">Bytes of the prepared examples.</param>
    /// <exception cref="InsufficientMemoryException">None fits; the message says what would.</exception>
    public static (TrainingPlans Plans, MemoryReport Memory) Choose(Decoder model, Adapter adapter, PlannerOptions options, int longest, int most, long weightBytes, long dataBytes, Backend backend, int threads)
    {
        var limit = options.Memory ?? (long)(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes * 0.9);
        var wanted = options.MicroRows ?? Math.Max(longest, Math.Min(most, UsefulRows));
        if (wanted < longest)
            throw new ArgumentException($"an example has {longest} rows, but a micro-step takes {wanted}; raise micro_rows or lower sequence_len");
        (TrainingPlans? Plans, MemoryReport? Memory) smallest = default;
        foreach (var rows in options.MicroRows is null ? new[] { wanted, Math.Max(longest, wanted / 2) }.Distinct() : [wanted])
        {
            foreach (var checkpoint in options.Checkpoint is { } given ? [given] : new[] { Checkpoint.Cheap, Checkpoint.Layers })
            {
                var capacity = new Counts { Rows = rows, LabelledRows = rows, Targets = 2 * rows, Segments = rows };
                var plans = new TrainingPlans(model, adapter, new ProgramOptions(capacity, options.Type, checkpoint, options.Loss, options.Optimizer), backend, threads);
                var memory = new MemoryReport(weightBytes, plans.AdapterBytes, plans.ArenaBytes, MemoryReport.RuntimeAllowance + dataBytes);
                if (memory.Total <= limit)
                    return (plans, memory);
                if (smallest.Plans is null || memory.Total < smallest.Memory!.Total)
                    smallest = (plans, memory);
            }
        }

        var least = smallest.Memory!;
        throw new InsufficientMemoryException(
            $"the training needs at least {Megabytes(least.Total)} (weights {Megabytes(least.Weights)}, adapter {Megabytes(least.Adapter)}, activations {Megabytes(least.Activations)} for {smallest.Plans!.Options.Capacity.Rows} rows, runtime {Megabytes(least.Runtime)}), but {Megabytes(limit)} may be used: "
            + Advice(least, limit, longest));
    }

    private static string Advice(MemoryReport least, long limit, int longest)
    {
        var over = least.Total - limit;
        if (over < least.Activations * 0.75)
        {
            var rows = (int)(longest * (1 - over * 1.05 / least.Activations)) / 8 * 8;
            return $"sequence_len={Math.Max(rows, 8)} would fit";
        }

        return over < least.Activations * 0.75 + least.Weights * 0.7
            ? "quantize=nf4 with a shorter sequence_len would fit"
            : "a smaller base model would fit";
    }

    private static string Megabytes(long bytes) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{bytes / 1e6:N0} MB");
}
