using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Models;
using Afina.Runs;
using Afina.Training.Objectives;

namespace Afina.Training;

/// <summary>What the planner may choose from.</summary>
/// <param name="Type">Type of the activations: F32 or BF16.</param>
/// <param name="Loss">The options of the loss.</param>
/// <param name="Optimizer">How parameters are moved.</param>
public sealed record PlannerOptions(DType Type, LossOptions Loss, OptimizerOptions Optimizer)
{
    /// <summary>Bytes that the process may take; null: what is free now, less a twentieth.</summary>
    public long? Memory { get; init; }

    /// <summary>Rows of a micro-step, where they are given (a resumed run keeps its own: the cut decides the order of sums).</summary>
    public int? MicroRows { get; init; }

    /// <summary>What the backward computes again, where it is given.</summary>
    public Checkpoint? Checkpoint { get; init; }

    /// <summary>What the training wants.</summary>
    public Objective Objective { get; init; } = new Supervised();

    /// <summary>The adapter of the model that an objective with a reference compares with; null: the base alone.</summary>
    public Adapter? Reference { get; init; }
}

/// <summary>What a training brings along, whatever is planned.</summary>
/// <param name="Longest">Rows of the longest example.</param>
/// <param name="Most">Rows of the largest step.</param>
/// <param name="WeightBytes">Bytes of the frozen weights.</param>
public sealed record TrainingLoad(int Longest, int Most, long WeightBytes)
{
    /// <summary>Bytes of the frozen weights if they were quantized to NF4.</summary>
    public long? QuantizedBytes { get; init; }

    /// <summary>Bytes of the prepared examples and the tokenizer.</summary>
    public long DataBytes { get; init; }

    /// <summary>The most that the process has taken so far.</summary>
    public long LoadingBytes { get; init; }

    /// <summary>Whether held-out rows are measured.</summary>
    public bool Measures { get; init; }

    /// <summary>Whether the best values so far are kept beside the adapter's.</summary>
    public bool KeepsBest { get; init; }

    /// <summary>Rows that are seen more than once, if those that leave layers below the trained ones may be kept; 0: they are not.</summary>
    public long RowsToKeep { get; init; }
}

/// <summary>Chooses how many rows a micro-step takes and what its backward computes again, for the memory that there is.</summary>
public sealed class TrainingPlanner
{
    /// <summary>More rows at once than this win almost nothing; fewer packings of the weights, but a larger arena.</summary>
    private const int UsefulRows = 512;

    private readonly Decoder _model;
    private readonly Adapter _adapter;
    private readonly PlannerOptions _options;
    private readonly TrainingLoad _load;
    private readonly Backend _backend;
    private readonly int _threads;

    private TrainingPlanner(Decoder model, Adapter adapter, PlannerOptions options, TrainingLoad load, Backend backend, int threads) =>
        (_model, _adapter, _options, _load, _backend, _threads) = (model, adapter, options, load, backend, threads);

    private long Limit => _options.Memory ?? MayTake(FreeMemory.Bytes());

    /// <summary>The first plan that fits: as many rows as are useful and cheap recomputation, then recomputation per layer, then fewer rows.</summary>
    /// <exception cref="InsufficientMemoryException">None fits; the message says what would.</exception>
    public static (TrainingPlans Plans, MemoryReport Memory) Choose(Decoder model, Adapter adapter, PlannerOptions options, TrainingLoad load, Backend backend, int threads) =>
        new TrainingPlanner(model, adapter, options, load, backend, threads).Choose();

    /// <summary>What a training may take of what is free: plans are true to a twentieth.</summary>
    internal static long MayTake(long free) => free - free / 20;

    private (TrainingPlans Plans, MemoryReport Memory) Choose()
    {
        var limit = Limit;
        var wanted = _options.MicroRows ?? Math.Max(_load.Longest, Math.Min(_load.Most, UsefulRows));
        if (wanted < _load.Longest)
            throw new ArgumentException($"an example has {_load.Longest} rows, but a micro-step takes {wanted}; raise micro_rows or lower sequence_len");
        (TrainingPlans? Plans, MemoryReport? Memory) smallest = default;
        foreach (var rows in _options.MicroRows is null ? Halves(wanted, _load.Longest) : [wanted])
        {
            foreach (var checkpoint in _options.Checkpoint is { } given ? [given] : new[] { Checkpoint.Cheap, Checkpoint.Layers })
            {
                var (plans, memory) = Plan(rows, checkpoint);
                if (memory.Total <= limit)
                    return WithKeptRows(plans, limit) ?? (plans, memory);
                if (smallest.Plans is null || memory.Total < smallest.Memory!.Total)
                    smallest = (plans, memory);
            }
        }

        var least = smallest.Memory!;
        throw new InsufficientMemoryException(
            $"the training needs at least {Megabytes(least.Total)} ({string.Join(", ", least.Parts.Where(part => part.Bytes > 0).Select(part => $"{part.Name} {Megabytes(part.Bytes)}{(part.Name == "activations" ? $" for {smallest.Plans!.Options.Capacity.Rows} rows" : "")}"))}), but {Megabytes(limit)} may be used: "
            + Advice(limit));
    }

    private (TrainingPlans Plans, MemoryReport Memory) Plan(int rows, Checkpoint checkpoint)
    {
        var capacity = new Counts { Rows = rows, LabelledRows = rows, Targets = 2 * rows, Segments = rows };
        return Plan(new ProgramOptions(capacity, _options.Type, checkpoint, _options.Loss, _options.Optimizer) { Objective = _options.Objective, Reference = _options.Reference });
    }

    /// <summary>The same plan cut below the lowest trained layer, if what leaves the layers below can be kept within the limit.</summary>
    private (TrainingPlans Plans, MemoryReport Memory)? WithKeptRows(TrainingPlans plans, long limit)
    {
        var cut = _load.RowsToKeep == 0 || !FrozenLayers.CanKeep(_model.Config) ? 0 : FrozenLayers.Below(plans.StepProgram.Graph);
        if (cut == 0)
            return null;
        var parts = Plan(plans.Options with { Cut = cut, KeptBytes = _load.RowsToKeep * _model.Config.HiddenSize * _options.Type.Bytes() });
        return parts.Memory.Total <= limit ? parts : null;
    }

    private (TrainingPlans Plans, MemoryReport Memory) Plan(ProgramOptions options)
    {
        var plans = new TrainingPlans(_model, _adapter, options, _backend, _threads);
        return (plans, new MemoryReport
        {
            KeptRows = options.KeptBytes,
            Weights = _load.WeightBytes,
            Adapter = plans.AdapterBytes,
            Activations = plans.Step.ArenaBytes,
            Evaluation = plans.ArenaBytes - plans.Step.ArenaBytes + (_load.Measures ? MemoryReport.EvaluationAllowance : 0) + (_load.KeepsBest ? BestValues.Bytes(_adapter) : 0),
            Data = _load.DataBytes,
            Loading = _load.LoadingBytes,
        });
    }

    /// <summary>Settings under which the same training would fit, each tried before it is named.</summary>
    private string Advice(long limit)
    {
        if (_options.MicroRows is not null && Fits(_load.Longest, 0))
            return "without micro_rows it would fit";
        if (_options.Checkpoint is not (null or Checkpoint.Layers) && Fits(_load.Longest, 0))
            return "with layers recomputed (recomputation=layers) it would fit";
        var saved = Math.Max(_load.WeightBytes - (_load.QuantizedBytes ?? _load.WeightBytes), 0);
        if (saved > 0 && Fits(_load.Longest, saved))
            return "quantize=nf4 would fit";
        if (Shorter(0) is { } rows)
            return $"sequence_len={rows} would fit";
        if (saved > 0 && Shorter(saved) is { } fewer)
            return $"quantize=nf4 with sequence_len={fewer} would fit";
        var least = Plan(Math.Min(_load.Longest, ShortestUseful), Checkpoint.Layers).Memory;
        return least.Training <= limit ? "reading and preparing the rows alone took more; fewer rows would fit"
            : $"a smaller base model would fit, or memory={(Math.Max(least.Training - saved, _load.LoadingBytes) + 999_999) / 1_000_000}MB with {(saved > 0 ? "quantize=nf4 and " : "")}sequence_len={ShortestUseful}";

        bool Fits(int longest, long less) => Math.Max(Plan(longest, Checkpoint.Layers).Memory.Training - less, _load.LoadingBytes) <= limit;

        // Memory grows about as the rows do: a straight line through two plans, and less where attention's rows make it steeper.
        int? Shorter(long less)
        {
            if (_load.Longest <= ShortestUseful || !Fits(ShortestUseful, less))
                return null;
            var (few, many) = (Plan(ShortestUseful, Checkpoint.Layers).Memory.Training - less, Plan(_load.Longest, Checkpoint.Layers).Memory.Training - less);
            var length = ShortestUseful + (int)((_load.Longest - ShortestUseful) * (double)(limit - few) / (many - few));
            for (length = length / 8 * 8; length > ShortestUseful && !Fits(length, less); length = length * 7 / 8 / 8 * 8)
            {
            }

            return Math.Max(length, ShortestUseful);
        }
    }

    private const int ShortestUseful = 32;

    private static IEnumerable<int> Halves(int rows, int least)
    {
        for (; rows > least; rows /= 2)
            yield return rows;
        yield return least;
    }

    private static string Megabytes(long bytes) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{bytes / 1e6:N0} MB");
}
