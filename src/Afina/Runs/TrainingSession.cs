using Afina.Data;
using Afina.Data.Ordering;
using Afina.Data.Packing;
using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Tensors;
using Afina.Models;
using Afina.Training;

namespace Afina.Runs;

/// <summary>Examples, plans and threads of one training.</summary>
internal sealed class TrainingSession : IDisposable
{
    /// <summary>Of the kernel's own rate, what a training reaches with everything around it (bench/results).</summary>
    private const double ReachedShare = 0.35;

    /// <summary>A token of an example as a row and as a target, beside what its preparation made of it.</summary>
    private const long BytesOfToken = 20;

    private readonly Backend _backend = Backends.Default();
    private readonly TrainerOptions _trainer;
    private readonly int _threads;
    private readonly int _longest;
    private readonly int _most;
    private readonly long _dataBytes;
    private readonly double _rowsPerStep;
    private long? _managedBytes;
    private Team? _team;

    public TrainingSession(TrainerOptions trainer, IReadOnlyList<(IReadOnlyList<TokenizedExample> Examples, double Weight)> sources, IReadOnlyList<TokenizedExample> held, int threads)
    {
        (_trainer, Sources, Held, _threads) = (trainer, sources, held, threads);
        var lengths = sources.SelectMany(source => source.Examples).Select(example => Sequence.Of(example).Tokens.Length).OrderDescending().ToList();
        _longest = Math.Max(Math.Max(lengths.FirstOrDefault(), held.Count == 0 ? 0 : held.Max(example => Sequence.Of(example).Tokens.Length)), 1);
        _most = Math.Max(lengths.Take(trainer.MicroBatchSize * trainer.GradientAccumulationSteps).Sum(), 1);
        var perStep = trainer.MicroBatchSize * trainer.GradientAccumulationSteps;
        var epoch = new EpochOrder([.. sources.Select(source => (source.Examples.Count, source.Weight))], trainer.Seed, trainer.Shuffle).Length;
        Steps = trainer.MaxSteps ?? (int)Math.Ceiling((epoch + perStep - 1) / perStep * trainer.Epochs);
        _rowsPerStep = lengths.Count == 0 ? 0 : lengths.Average() * Math.Min(perStep, epoch);
        Tokens = lengths.Sum(length => (long)length);
        _dataBytes = (Tokens + held.Sum(example => (long)example.Tokens.Length)) * BytesOfToken;
    }

    public IReadOnlyList<(IReadOnlyList<TokenizedExample> Examples, double Weight)> Sources { get; }

    public IReadOnlyList<TokenizedExample> Held { get; }

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
            DataBytes = _managedBytes.Value + _dataBytes,
            LoadingBytes = ProcessMemory.PeakBytes(),
            KeepsBest = Held.Count > 0 && _trainer.LoadBestModelAtEnd,
        };
        (Plans, Memory) = TrainingPlanner.Choose(model, adapter, options, load, _backend, _threads);
    }

    /// <summary>The same plan over other weights of the model.</summary>
    public void Replan(Decoder model) => Plans = new TrainingPlans(model, Plans!.Adapter, Plans.Options, _backend, _threads);

    /// <summary>Estimated seconds: forward, and twice the products in a backward that leaves frozen weights alone, at a part of the rate
    /// that the products' kernel reaches here.</summary>
    public double Estimate(Decoder model, int steps, DType type)
    {
        var elements = model.Modules.Sum(module => (double)module.Inputs * module.Outputs);
        var head = (double)model.Config.HiddenSize * model.Config.VocabularySize;
        var operations = _rowsPerStep * steps * 2 * (2 * elements + 2 * head);
        return operations / (_backend.PeakFlops(type, _threads) * ReachedShare);
    }

    /// <summary>Allocates what was planned.</summary>
    public TrainingPrograms Allocate() => new(Plans!, _backend, _team ??= new Team(_threads));

    public Trainer Trainer(TrainingPrograms programs, Checkpoints? checkpoints, long allParameters) =>
        new(programs, Plans!, _trainer, Sources, Held, checkpoints, allParameters);

    public void Dispose() => _team?.Dispose();
}
