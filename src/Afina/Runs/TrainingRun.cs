using System.Globalization;
using Afina.Adapters;
using Afina.Data;
using Afina.Engine;
using Afina.Engine.Tensors;
using Afina.Evaluation;
using Afina.Formats;
using Afina.Formats.Peft;
using Afina.Models;
using Afina.Training;
using Afina.Training.Objectives;
using Afina.Training.Recipes;

namespace Afina.Runs;

/// <summary>A fine-tuning run from its recipe to the adapter's folder: what the command line and jobs do.</summary>
public sealed class TrainingRun : IDisposable
{
    private readonly Recipe _recipe;
    private readonly LanguageModel _model;
    private TrainerOptions _trainer;
    private readonly DType _type;
    private readonly RunCard _card;
    private readonly List<string> _notes = [];
    private Decoder _decoder;
    private Adapter _adapter = null!;
    private LoraConfig _config = null!;
    private TrainingSession _session = null!;
    private Checkpoints _checkpoints = null!;
    private string? _resumed;

    private TrainingRun(Recipe recipe, LanguageModel model)
    {
        (_recipe, _model, _decoder) = (recipe, model, model.Decoder);
        _type = recipe.Type ?? (Backends.HasBf16 ? DType.BF16 : DType.F32);
        // Small models want larger steps: measured on the embedded one, and as usual from a billion parameters on.
        _trainer = recipe.Training.LearningRate > 0 ? recipe.Training : recipe.Training with { LearningRate = (model.Decoder.ParameterCount < 500_000_000 ? 1e-3 : 2e-4) * recipe.Objective.RateFactor };
        _card = new RunCard(recipe, model);
    }

    /// <summary>Unless it is asked for, a run too short for a step of warm-up has none: its rate would be zero.</summary>
    private TrainerOptions WithWarmup(IReadOnlyList<(IReadOnlyList<TrainingExample>, double)> sources, IReadOnlyList<TrainingExample> held, int threads) =>
        _recipe.Given.ContainsKey("warmup_ratio") || _trainer.WarmupSteps is not null ? _trainer
            : _trainer with { WarmupSteps = (int)(new TrainingSession(_trainer, sources, held, threads).Steps * _trainer.WarmupRatio) };

    /// <summary>What the run will do.</summary>
    public RunSummary Summary { get; private set; } = null!;

    /// <summary>Takes the time per operation of the training, where one is given before it begins.</summary>
    public RunProfile? Profile { get; set; }

    /// <summary>Where the training's time went, after it, by <see cref="Profile"/>.</summary>
    public ProfileReport? ProfileReport { get; private set; }

    /// <summary>Reads everything, attaches the adapter and plans; allocates and writes nothing yet.</summary>
    /// <exception cref="InvalidDataException">A file cannot be used; one line says which and why.</exception>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="FormatException">A setting does not fit the model.</exception>
    /// <exception cref="NotSupportedException">Something is asked for that Afina does not do.</exception>
    /// <exception cref="InsufficientMemoryException">It does not fit; the message says what would.</exception>
    public static TrainingRun Prepare(Recipe recipe)
    {
        RecipeRules.Require(recipe);
        if (recipe.Datasets.Count == 0)
            throw new SettingException("there are no rows to train on: name a file of rows, or datasets in the recipe", inFile: false);
        foreach (var source in recipe.Datasets.Concat(recipe.TestDatasets))
            PathHint.Require(source.Path);
        if (File.Exists(recipe.OutputDir))
            throw new IOException($"{recipe.OutputDir}: this is a file; output_dir is a folder");
        var model = LanguageModel.Open(BaseModels.Resolve(recipe.BaseModel));
        var run = new TrainingRun(recipe, model);
        try
        {
            run.Prepare();
            return run;
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    /// <summary>Trains, and writes the adapter's folder. Returns the end, which is also the last event.</summary>
    /// <param name="happened">Told what happens, on this thread.</param>
    /// <param name="cancellation">Ends the training after the current step; its state is kept.</param>
    public TrainFinished Train(Action<TrainEvent> happened, CancellationToken cancellation = default)
    {
        OutputFolder.RequireWritable(_recipe.OutputDir);
        Checkpoints.Sweep(_recipe.OutputDir);
        Convert(share => happened(new Working("converting the base", share)));
        // What reading and encoding the rows left behind is given back before the arena is touched.
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var programs = _session.Allocate();
        Profile?.Attach(programs.Executors);
        var trainer = _session.Trainer(programs, _checkpoints, _model.Decoder.ParameterCount);
        TrainingState? state = null;
        if (_resumed is not null)
            state = _checkpoints.Load(_resumed, programs);
        else
            Checkpoints.Clear(_recipe.OutputDir);
        using var metrics = new MetricsLog(_recipe.OutputDir, state?.Step ?? 0);
        var finished = trainer.Run(what =>
        {
            metrics.Write(what);
            _card.Note(what);
            happened(what);
        }, state, cancellation);
        // Writing the result must not need more than training did.
        programs.Dispose();
        ProfileReport = _session.Report(Profile, _type);
        if (finished.End is TrainEnd.Complete or TrainEnd.EarlyStopping)
        {
            Lora.Save(_recipe.OutputDir, _adapter, _config, _card.Write(Settings(), finished, _session));
            _model.Tokenizer.Save(_recipe.OutputDir);
            if (RunData.Template(_recipe) is { } template)
                AtomicFile.Write(Path.Combine(_recipe.OutputDir, "chat_template.jinja"), stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(template)));
            // They were there to go on from; those that were asked for stay.
            if (!_recipe.Given.ContainsKey("save_steps") && !_recipe.Given.ContainsKey("save_total_limit"))
                Checkpoints.Clear(_recipe.OutputDir);
        }

        return finished;
    }

    /// <summary>The base that is trained over, to be measured: converted once, and only as long as the run is there.</summary>
    internal LoadedModel Base(Action<double>? progress)
    {
        Convert(progress);
        return new LoadedModel(_model, _decoder, owns: false);
    }

    /// <summary>What the plan has for activations beyond the arena of a measurement.</summary>
    internal long Spare => _session.Memory!.Activations - _session.Plans!.Score.ArenaBytes;

    /// <inheritdoc/>
    public void Dispose()
    {
        _session?.Dispose();
        _model.Dispose();
    }

    private void Prepare()
    {
        (_adapter, _config) = RunAdapter.Attach(_recipe, _model, (ulong)_trainer.Seed, _notes);
        var data = RunData.Load(_recipe, _model, _trainer.Seed);
        var sources = RunData.Sources(data);
        var threads = _recipe.Threads ?? Environment.ProcessorCount;
        _trainer = WithWarmup(sources, data.Held, threads);
        _session = new TrainingSession(_trainer, sources, data.Held, threads, _adapter.Dropout > 0);
        _resumed = ResumePoint.Find(_recipe);
        var saved = _resumed is null ? null : Checkpoints.IdentityOf(_resumed).Values.GetValueOrDefault("micro_rows");
        _session.Plan(_decoder, _adapter, Planner(saved is not null && int.TryParse(saved, NumberStyles.None, CultureInfo.InvariantCulture, out var rows) ? rows : null), new WeightConversion(_recipe.Weights));
        _checkpoints = new Checkpoints(_recipe.OutputDir, Identity(data), _config, _card.Short(), _trainer.SaveTotalLimit);
        ResumePoint.Require(_recipe, _checkpoints, _resumed, _notes);
        if (_session.FrozenNote(_decoder) is { } note)
            _notes.Add(note);
        Summarize(data, threads);
    }

    private PlannerOptions Planner(int? microRows) => new(_type, _recipe.Loss, _recipe.Optimizer)
    {
        Memory = _recipe.Memory,
        MicroRows = _recipe.MicroRows ?? microRows,
        Checkpoint = _recipe.Recomputation,
        Objective = _recipe.Objective,
        Reference = Reference(),
    };

    /// <summary>What training goes on from is what it is compared with: an adapter as it is now, where the recipe names one.</summary>
    private Adapter? Reference() => _recipe.Objective.HasReference && _recipe.LoraModelDir is not null ? _adapter.Copy() : null;

    /// <summary>The matrices in their new form, and the same plan over them.</summary>
    private void Convert(Action<double>? progress)
    {
        if (_recipe.Weights == WeightFormat.AsStored || _decoder != _model.Decoder)
            return;
        _decoder = new WeightConversion(_recipe.Weights).Apply(_decoder, progress: progress);
        _session.Replan(_decoder);
    }

    private IReadOnlyList<KeyValuePair<string, string>> Settings() => RunSettings.Of(_recipe, _trainer, _config, _type, Targets());

    private string Targets() => _recipe.LoraModelDir is null && (_recipe.Lora.TargetModules?.IsAllLinear ?? false) ? "all-linear"
        : _config.TargetModules?.ToString() ?? "";

    private RunIdentity Identity(TrainingData<TrainingExample> data)
    {
        var values = Settings().ToDictionary(StringComparer.Ordinal);
        values["data"] = data.Fingerprint.ToString("x16", CultureInfo.InvariantCulture) + string.Concat(data.Sources.Select(source => string.Create(CultureInfo.InvariantCulture, $" {source.Count}x{source.Weight}")));
        values["held-out data"] = Fingerprints.Of(data.Held);
        values["base"] = Fingerprints.Of(_model.Decoder);
        values["first adapter"] = Fingerprints.Of(_adapter);
        values["kernels"] = _session.Kernels;
        values["micro_rows"] = _session.Plans!.Options.Capacity.Rows.ToString(CultureInfo.InvariantCulture);
        return new RunIdentity(values);
    }

    private void Summarize(TrainingData<TrainingExample> data, int threads)
    {
        var plans = _session.Plans!;
        var steps = _session.Steps;
        var first = ResumePoint.Step(_resumed);
        _card.Data(data);
        Summary = new RunSummary
        {
            Base = _model.Name,
            Stored = _recipe.Weights == WeightFormat.AsStored ? _decoder.Weights.All[_decoder.Modules[0].Name + ".weight"].Format.Name : _recipe.Weights.ToString().ToUpperInvariant(),
            Parameters = _decoder.ParameterCount,
            Rank = _config.R,
            Targets = Targets(),
            Trainable = _adapter.TrainableCount,
            TrainableLine = TrainableParameters.Line(_adapter.TrainableCount, _adapter.TrainableCount + _decoder.ParameterCount),
            Objective = _recipe.Objective.Summary,
            Examples = data.Train.Count,
            HeldOut = data.Held.Count,
            Formats = string.Join(", ", data.Formats.Select(entry => entry.Format)),
            LossTokens = data.Train.Sum(example => (long)example.Targets),
            Steps = steps,
            FirstStep = first,
            Memory = _session.Memory!,
            Available = _recipe.Memory ?? FreeMemory.Bytes(),
            MicroRows = plans.Options.Capacity.Rows,
            Recomputation = plans.Options.Checkpoint.ToString().ToLowerInvariant(),
            Seconds = _session.Estimate(_decoder, steps - first, _type),
            Type = _type == DType.BF16 ? "bf16" : "fp32",
            Threads = threads,
            Kernels = _session.Kernels,
            LearningRate = _trainer.LearningRate,
            Notes = _notes,
            Findings = data.Findings,
        };
    }
}
