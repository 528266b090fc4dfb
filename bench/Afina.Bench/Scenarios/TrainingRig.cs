using Afina.Adapters;
using Afina.Data.Packing;
using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Afina.Training;

namespace Afina.Bench.Scenarios;

/// <summary>A planned training of sequences: LoRA r=16 on all linear layers, bf16, as the trainer runs it.</summary>
internal sealed class TrainingRig : IDisposable
{
    private readonly TrainingPrograms _programs;
    private int _step;

    /// <summary>Plans and allocates.</summary>
    /// <param name="longest">Rows of the longest sequence.</param>
    /// <param name="most">Rows of a step.</param>
    /// <param name="lora">The adapter, where it is not the usual one.</param>
    /// <param name="planner">Changes what the planner is told.</param>
    /// <param name="rowsToKeep">Rows that are seen again in later epochs.</param>
    public TrainingRig(ScenarioContext context, int longest, int most, LoraConfig? lora = null, Func<PlannerOptions, PlannerOptions>? planner = null, long rowsToKeep = 0)
    {
        var (adapter, _) = Lora.Create(context.Model, lora ?? AllLinear, 1);
        var backend = Backends.Default();
        var options = new PlannerOptions(DType.BF16, new LossOptions(), new OptimizerOptions());
        (Plans, Memory) = TrainingPlanner.Choose(context.Model, adapter, planner?.Invoke(options) ?? options,
            new TrainingLoad(longest, most, context.Model.Weights.All.Values.Sum(weight => weight.Bytes)) { RowsToKeep = rowsToKeep }, backend, context.Team.Size);
        _programs = new TrainingPrograms(Plans, backend, context.Team);
    }

    /// <summary>The usual adapter.</summary>
    public static LoraConfig AllLinear { get; } = new() { R = 16, LoraAlpha = 32, TargetModules = ModuleNames.Expression("all-linear") };

    /// <summary>What was planned.</summary>
    public TrainingPlans Plans { get; }

    /// <summary>The planned memory.</summary>
    public MemoryReport Memory { get; }

    /// <summary>The programs by name.</summary>
    public IEnumerable<(string Name, Executor Executor)> Executors => _programs.Executors;

    /// <summary>A sequence of random tokens; every row of it has a target, or an even share of them.</summary>
    public static Sequence Random(Random random, int vocabulary, int length, double labelled = 1)
    {
        int[] tokens = [.. Enumerable.Range(0, length).Select(_ => random.Next(vocabulary))];
        var count = (int)(length * labelled);
        return new Sequence(tokens, [.. Enumerable.Range(0, length)
            .Where(row => row * count / length != (row + 1) * count / length)
            .Select(row => new SequenceTarget(row, random.Next(vocabulary), 1f / length))]);
    }

    /// <summary>Cuts the sequences of a step into micro-batches, as the trainer does.</summary>
    public IReadOnlyList<MicroBatch> Pack(IReadOnlyList<Sequence> sequences, int sharedPrefix = 0)
    {
        var capacity = Plans.Options.Capacity;
        return new StepPacker(new PackingLimits(capacity.Rows, sharedPrefix, Math.Min(capacity.Targets, capacity.LabelledRows), capacity.Segments)).Pack(sequences);
    }

    /// <summary>One optimizer step.</summary>
    public void Step(IReadOnlyList<MicroBatch> batches)
    {
        for (var micro = 0; micro < batches.Count; micro++)
            _programs.Accumulate(batches[micro], 1, _step, micro);
        _programs.Update(_step++, 1e-5);
    }

    /// <summary>A way of training the same batches again and again.</summary>
    /// <param name="units">What a run over the batches counts for.</param>
    public Side Side(string name, IReadOnlyList<IReadOnlyList<MicroBatch>> steps, double units) => new(name, () =>
    {
        foreach (var batches in steps)
            Step(batches);
        return units;
    })
    { Holds = this };

    public void Dispose() => _programs.Dispose();
}
