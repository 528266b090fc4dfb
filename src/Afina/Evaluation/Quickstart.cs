using Afina.Adapters;
using Afina.Data;
using Afina.Runs;
using Afina.Training;
using Afina.Training.Recipes;

namespace Afina.Evaluation;

/// <summary>What a quickstart is told.</summary>
public sealed record QuickstartOptions
{
    /// <summary>A folder with train.jsonl and valid.jsonl of prompt and completion.</summary>
    public required string Data { get; init; }

    /// <summary>Where the adapter goes.</summary>
    public required string Output { get; init; }

    /// <summary>The base model; null: the one that comes with Afina.</summary>
    public string? Base { get; init; }

    /// <summary>Whether the base's matrices are quantized to NF4.</summary>
    public bool Qlora { get; init; }

    /// <summary>The seed of order and initialization.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Threads.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>fp32 or bf16; null: as the processor is.</summary>
    public string? Type { get; init; }

    /// <summary>Steps, where fewer are wanted than two epochs have.</summary>
    public int? MaxSteps { get; init; }

    /// <summary>Held-out rows that are asked; null: all.</summary>
    public int? Limit { get; init; }
}

/// <summary>A base measured, fine-tuned on a small task and measured again.</summary>
public sealed class Quickstart : IDisposable
{
    private const int MostShots = 16;

    private readonly QuickstartOptions _options;
    private readonly Recipe _recipe;
    private readonly EvaluationOptions _measured;
    private TrainingRun? _run;
    private ModelScore? _before;

    /// <summary>Reads the rows and writes them as chat turns into the output folder.</summary>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">A row cannot be used; one line names it.</exception>
    /// <exception cref="IOException">The output cannot be written to.</exception>
    public Quickstart(QuickstartOptions options)
    {
        _options = options;
        PathHint.Require(options.Data);
        if (!Directory.Exists(options.Data))
            throw new FileNotFoundException($"{options.Data}: this is a file; name the folder that has train.jsonl and valid.jsonl");
        OutputFolder.RequireWritable(options.Output);
        var (train, valid) = (Path.Combine(options.Output, "data", "train.jsonl"), ValidPath);
        var answers = ChatRows.Write(Path.Combine(options.Data, "train.jsonl"), train);
        ChatRows.Write(Path.Combine(options.Data, "valid.jsonl"), valid);
        Answers = [.. answers.CountBy(answer => answer).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value))];
        _recipe = Recipe(options, train, valid);
        _measured = new EvaluationOptions { Data = valid, Limit = options.Limit };
    }

    /// <summary>The answers of the rows to train on, and how many rows have each.</summary>
    public IReadOnlyList<(string Answer, int Rows)> Answers { get; }

    /// <summary>Rows shown to the base before each question, one of each answer.</summary>
    public int Shots => Math.Min(Answers.Count, MostShots);

    /// <summary>The held-out rows as they are asked.</summary>
    public string ValidPath => Path.Combine(_options.Output, "data", "valid.jsonl");

    /// <summary>The most memory that was resident while it trained.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Plans the training; allocates nothing yet.</summary>
    /// <exception cref="InsufficientMemoryException">It does not fit; the message says what would.</exception>
    public RunSummary Plan() => (_run ??= TrainingRun.Prepare(_recipe)).Summary;

    /// <summary>The first row as it is trained.</summary>
    public IReadOnlyList<ExampleStretch> FirstExample()
    {
        using var model = LoadedModel.Open(_options.Base);
        var data = DataLoader.Supervised(new DataRequest { Sources = [new DataSource(_recipe.Datasets[0].Path)] }, model.Tokenizer);
        return ExampleText.Of(data.Train[0], model.Tokenizer);
    }

    /// <summary>Measures the base: asked as it is, and with some rows shown before each question.</summary>
    public (ModelScore Zero, ModelScore Few) MeasureBase(Action<EvaluationProgress>? progress, CancellationToken cancellation = default)
    {
        using var model = Open(progress);
        using var evaluator = Evaluator(model);
        _before = evaluator.Run(_measured, null, progress, cancellation).Base;
        return (_before, evaluator.Run(_measured with { Shots = Shots }, null, progress is null ? null : told => progress(told with { What = told.What + " after examples" }), cancellation).Base);
    }

    /// <summary>Trains and writes the adapter.</summary>
    public TrainFinished Train(Action<TrainEvent> happened, CancellationToken cancellation = default)
    {
        Plan();
        ProcessMemory.RestartPeak();
        try
        {
            return _run!.Train(happened, cancellation);
        }
        finally
        {
            PeakBytes = ProcessMemory.PeakBytes();
        }
    }

    /// <summary>Measures the adapter on the rows that the base was measured on.</summary>
    public EvaluationReport MeasureAdapter(Action<EvaluationProgress>? progress, CancellationToken cancellation = default)
    {
        using var model = Open(progress);
        using var evaluator = Evaluator(model);
        var task = EvaluationTask.Load(_measured, model.Tokenizer);
        var after = evaluator.Measure(task, Lora.Load(model.Decoder, _options.Output).Adapter, _measured, "adapter", progress, cancellation);
        return Evaluation.Evaluator.Report(task, _before ?? throw new InvalidOperationException("measure the base first"), after, _measured.Samples);
    }

    /// <inheritdoc/>
    public void Dispose() => _run?.Dispose();

    /// <summary>The run's own base, so that there is one in memory.</summary>
    private LoadedModel Open(Action<EvaluationProgress>? progress)
    {
        Plan();
        return _run!.Base(progress is null ? null : share => progress(new EvaluationProgress("converting the base", share)));
    }

    /// <summary>Measures with what the plan has for activations, so that training stays the most that is needed.</summary>
    private Evaluator Evaluator(LoadedModel model) => new(model, _options.Threads, _options.Type is { } type ? type == "bf16" : null) { CacheBytes = _run!.Spare / 4 * 3 };

    /// <summary>What PEFT's run on such rows has: rank 16 on every linear layer, batches of 8, two epochs at 1e-3.</summary>
    private static Recipe Recipe(QuickstartOptions options, string train, string valid)
    {
        var recipe = new Recipe { Datasets = [new DataSource(train)], TestDatasets = [new DataSource(valid)] };
        List<(string Key, string? Value)> settings =
        [
            ("base_model", options.Base), ("output_dir", options.Output), ("lora_r", "16"), ("lora_alpha", "32"), ("quantize", options.Qlora ? "nf4" : null),
            ("learning_rate", "0.001"), ("lr_scheduler", "linear"), ("warmup_steps", "5"), ("micro_batch_size", "8"), ("num_epochs", "2"), ("max_steps", Text(options.MaxSteps)),
            ("seed", Text(options.Seed)), ("threads", Text(options.Threads)), ("dtype", options.Type), ("resume_from_checkpoint", "false"),
        ];
        foreach (var (key, value) in settings)
        {
            if (value is not null)
                recipe = RecipeReader.With(recipe, key, value);
        }

        // A run of two minutes needs nothing to go on from.
        return recipe with { Training = recipe.Training with { SaveSteps = int.MaxValue } };
    }

    private static string? Text(long? number) => number?.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
