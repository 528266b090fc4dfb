using System.Globalization;
using Afina.Data.Ordering;
using Afina.Data.Packing;
using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Tensors;
using Afina.Models;
using Afina.Training;
using Afina.Training.Objectives;

namespace Afina.Runs;

/// <summary>Examples, plans and threads of one training.</summary>
internal sealed class TrainingSession : IDisposable
{
    /// <summary>Of the kernel's own rate, what a training reaches with everything around it (bench/results).</summary>
    private const double ReachedShare = 0.35;

    /// <summary>A token of a held-out example as a row and as a target of its micro-batch, beside the example itself.</summary>
    private const long BytesOfHeldToken = 20;

    private readonly Backend _backend = Backends.Default();
    private readonly TrainerOptions _trainer;
    private readonly int _threads;
    private readonly int _longest;
    private readonly int _most;
    private readonly long _dataBytes;
    private readonly double _rowsPerStep;
    private readonly int _stepsOfEpoch;
    private readonly long _rowsToKeep;
    private long? _managedBytes;
    private Team? _team;

    public TrainingSession(TrainerOptions trainer, IReadOnlyList<(IReadOnlyList<TrainingExample> Examples, double Weight)> sources, IReadOnlyList<TrainingExample> held, int threads, bool drops = false)
    {
        var shared = drops ? 0 : trainer.SharedPrefix;
        var beginnings = new CommonBeginnings(sources.SelectMany(source => source.Examples).Concat(held).SelectMany(example => example.Sequences), trainer.SharedPrefix);
        TrainingExample Mark(TrainingExample example) => example with { Sequences = [.. example.Sequences.Select(beginnings.Mark)] };
        sources = [.. sources.Select(source => ((IReadOnlyList<TrainingExample>)[.. source.Examples.Select(Mark)], source.Weight))];
        held = [.. held.Select(Mark)];
        (_trainer, Sources, Held, _threads) = (trainer, sources, held, threads);
        var lengths = sources.SelectMany(source => source.Examples).Select(example => example.Rows(shared)).OrderDescending().ToList();
        _longest = Math.Max(Math.Max(lengths.FirstOrDefault(), held.Count == 0 ? 0 : held.Max(example => example.Rows(trainer.SharedPrefix))), 1);
        _most = Math.Max(lengths.Take(trainer.MicroBatchSize * trainer.GradientAccumulationSteps).Sum(), 1);
        var perStep = trainer.MicroBatchSize * trainer.GradientAccumulationSteps;
        var epoch = new EpochOrder([.. sources.Select(source => (source.Examples.Count, source.Weight))], trainer.Seed, trainer.Shuffle).Length;
        _stepsOfEpoch = (epoch + perStep - 1) / perStep;
        Steps = trainer.MaxSteps ?? (int)Math.Ceiling(_stepsOfEpoch * trainer.Epochs);
        _rowsPerStep = lengths.Count == 0 ? 0 : lengths.Average() * Math.Min(perStep, epoch);
        Tokens = sources.SelectMany(source => source.Examples).Sum(example => (long)example.Tokens);
        if (trainer.FrozenPrefixCache && Steps > _stepsOfEpoch)
            _rowsToKeep = FrozenLayers.DistinctRows(sources.SelectMany(source => source.Examples).Concat(held).SelectMany(example => example.Sequences));
        _dataBytes = held.Sum(example => (long)example.Tokens) * BytesOfHeldToken;
    }

    public IReadOnlyList<(IReadOnlyList<TrainingExample> Examples, double Weight)> Sources { get; }

    public IReadOnlyList<TrainingExample> Held { get; }

    /// <summary>Rows of all examples to train on.</summary>
    public long Tokens { get; }

    /// <summary>Optimizer steps in all.</summary>
    public int Steps { get; }

    /// <summary>What the kernels are called.</summary>
    public string Kernels => _backend.Name;

    public TrainingPlans? Plans { get; private set; }

    public MemoryReport? Memory { get; private set; }

    /// <summary>Plans for a model. What the rows and the tokenizer take is measured by the first plan.</summary>
    /// <exception cref="InsufficientMemoryException">Nothing fits.</exception>
    public void Plan(Decoder model, Adapter adapter, PlannerOptions options, WeightConversion conversion)
    {
        _managedBytes ??= ProcessMemory.ManagedBytes();
        var load = new TrainingLoad(_longest, _most, conversion.Bytes(model))
        {
            QuantizedBytes = new WeightConversion(WeightFormat.Nf4).Bytes(model),
            DataBytes = _managedBytes.Value + _dataBytes + (options.Objective.HasReference ? sizeof(float) * Sources.SelectMany(source => source.Examples).Concat(Held).Sum(example => (long)example.Targets) : 0),
            LoadingBytes = ProcessMemory.PeakBytes(),
            Measures = Held.Count > 0,
            KeepsBest = Held.Count > 0 && _trainer.LoadBestModelAtEnd,
            RowsToKeep = _rowsToKeep,
        };
        (Plans, Memory) = TrainingPlanner.Choose(model, adapter, options, load, _backend, _threads);
    }

    /// <summary>The same plan over other weights of the model.</summary>
    public void Replan(Decoder model) => Plans = new TrainingPlans(model, Plans!.Adapter, Plans.Options, _backend, _threads);

    /// <summary>What becomes of the layers below the adapter, where there are such and more than one epoch.</summary>
    public string? FrozenNote(Decoder model)
    {
        if (_rowsToKeep == 0 || Plans is null)
            return null;
        if (Plans.Options.Cut > 0)
            return string.Create(CultureInfo.InvariantCulture, $"the first {Plans.Options.Cut} of {model.Config.Layers.Count} layers are below the adapter: their rows are computed once and kept, in {Plans.Options.KeptBytes / 1e6:0.#} MB at most");
        var below = FrozenLayers.Below(Plans.StepProgram.Graph);
        return below == 0 ? null : $"the first {below} of {model.Config.Layers.Count} layers are below the adapter, but are computed again in each epoch: "
            + (FrozenLayers.CanKeep(model.Config) ? "keeping their rows would take more memory than there is" : "their rotation depends on the longest example of a micro-step");
    }

    /// <summary>Estimated seconds: forward, and twice the products in a backward that leaves frozen weights alone, at a part of the rate
    /// that the products' kernel reaches here.</summary>
    public double Estimate(Decoder model, int steps, DType type)
    {
        var elements = model.Modules.Sum(module => (double)module.Inputs * module.Outputs);
        var head = (double)model.Config.HiddenSize * model.Config.VocabularySize;
        var operations = _rowsPerStep * steps * 2 * (2 * elements + 2 * head);
        var objective = Plans?.Options.Objective;
        if (objective is { WeighsAfterwards: true })
            operations += _rowsPerStep * steps * 2 * head;
        if (objective is { HasReference: true })
            operations += _rowsPerStep * Math.Min(steps, _stepsOfEpoch) * 2 * (elements + head);
        return operations / (_backend.PeakFlops(type, _threads) * ReachedShare);
    }

    /// <summary>Allocates what was planned.</summary>
    public TrainingPrograms Allocate() => new(Plans!, _backend, _team ??= new Team(_threads));

    public Trainer Trainer(TrainingPrograms programs, Checkpoints? checkpoints, long allParameters) =>
        new(programs, Plans!, _trainer, Sources, Held, checkpoints, allParameters);

    /// <summary>What a profile measured, against this machine's limits.</summary>
    public ProfileReport? Report(RunProfile? profile, DType type) => profile?.Report(_backend, type, _threads);

    public void Dispose() => _team?.Dispose();
}
