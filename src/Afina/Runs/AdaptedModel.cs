using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Afina.Adapters;
using Afina.Data;
using Afina.Data.Ordering;
using Afina.Data.Preparation;
using Afina.Engine;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Afina.Generation.Sampling;
using Afina.Models;
using Afina.Training;
using Afina.Training.Objectives;

namespace Afina.Runs;

/// <summary>How rows are trained on.</summary>
public sealed record FineTuneOptions
{
    /// <summary>Steps, rates and order.</summary>
    public TrainerOptions Trainer { get; init; } = new() { LearningRate = 1e-3 };

    /// <summary>How parameters are moved.</summary>
    public OptimizerOptions Optimizer { get; init; } = new();

    /// <summary>How rows become examples.</summary>
    public PreparationOptions Preparation { get; init; } = new();

    /// <summary>Rows to hold out and measure: below 1 a share, from 1 on a number.</summary>
    public double HeldOut { get; init; }

    /// <summary>Type of the activations: F32, BF16, or null for the faster one here.</summary>
    public DType? Type { get; init; }

    /// <summary>Bytes that may be taken; null: what is free.</summary>
    public long? Memory { get; init; }

    /// <summary>Threads; null: one per processor.</summary>
    public int? Threads { get; init; }
}

/// <summary>A language model with a LoRA adapter on it: trains, saves, generates.</summary>
public sealed class AdaptedModel
{
    private readonly LoraConfig _config;

    private AdaptedModel(LanguageModel model, Adapter adapter, LoraConfig config) =>
        (Model, Adapter, _config) = (model, adapter, config with { BaseModelNameOrPath = config.BaseModelNameOrPath ?? model.Id ?? model.Path, TaskType = config.TaskType ?? "CAUSAL_LM" });

    /// <summary>The base model.</summary>
    public LanguageModel Model { get; }

    /// <summary>What is trained.</summary>
    public Adapter Adapter { get; }

    /// <summary>PEFT's line on trainable parameters.</summary>
    public string TrainableParametersLine => TrainableParameters.Line(Adapter.TrainableCount, Adapter.TrainableCount + Model.Decoder.ParameterCount);

    /// <summary>Puts a new adapter on a model, which it does not change.</summary>
    /// <exception cref="FormatException">The configuration chooses nothing that the model has.</exception>
    public static AdaptedModel Attach(LanguageModel model, LoraConfig? config = null, ulong seed = 42)
    {
        var (adapter, resolved) = Lora.Create(model.Decoder, config ?? new LoraConfig { R = 16, LoraAlpha = 32, TargetModules = ModuleNames.Expression("all-linear") }, seed);
        return new AdaptedModel(model, adapter, resolved);
    }

    /// <summary>Reads an adapter's folder for a model.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or was made for another model.</exception>
    public static AdaptedModel Load(LanguageModel model, string folder)
    {
        var (adapter, config) = Lora.Load(model.Decoder, folder);
        return new AdaptedModel(model, adapter, config);
    }

    /// <summary>Trains on rows and tells what happens; leaving the loop stops after the current step.</summary>
    /// <exception cref="InvalidDataException">A row cannot be used.</exception>
    /// <exception cref="InsufficientMemoryException">It does not fit.</exception>
    public async IAsyncEnumerable<TrainEvent> TrainAsync(IAsyncEnumerable<Row> rows, FineTuneOptions? options = null, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var read = new List<Row>();
        await foreach (var row in rows.WithCancellation(cancellation).ConfigureAwait(false))
            read.Add(row);
        var events = Channel.CreateUnbounded<TrainEvent>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var work = Task.Factory.StartNew(
            () =>
            {
                try
                {
                    Train(read, options ?? new FineTuneOptions(), happened => events.Writer.TryWrite(happened), stop.Token);
                    events.Writer.Complete();
                }
                catch (Exception error)
                {
                    events.Writer.Complete(error);
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            await foreach (var happened in events.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
                yield return happened;
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await work.ConfigureAwait(false);
        }
    }

    /// <summary>Writes the adapter as a folder of PEFT, with the tokenizer beside it.</summary>
    public void Save(string folder)
    {
        var card = new ModelCard { Title = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))), BaseModel = _config.BaseModelNameOrPath!, License = Model.License };
        Lora.Save(folder, Adapter, _config, card.Write());
        Model.Tokenizer.Save(folder);
    }

    /// <summary>Answers a user's turn; the text comes in pieces. One at a time, and not while it trains.</summary>
    /// <param name="prompt">What the user says.</param>
    /// <param name="sampling">How tokens are chosen; null: the most probable ones, at most 256.</param>
    /// <param name="raw">Whether the prompt is a text to go on with, not a turn of a conversation.</param>
    /// <param name="seed">Seed of the choice.</param>
    /// <param name="cancellation">Ends it between two tokens.</param>
    public async IAsyncEnumerable<string> GenerateAsync(string prompt, SamplingOptions? sampling = null, bool raw = false, ulong seed = 0, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var generator = new TextGenerator(Model, Adapter);
        var options = sampling is null ? generator.Sampling with { DoSample = false } : sampling.EosTokenId.Count > 0 ? sampling : sampling with { EosTokenId = generator.Sampling.EosTokenId };
        using var pieces = generator.Generate(generator.Encode(prompt, raw), options, seed, cancellation).GetEnumerator();
        while (await Task.Run(pieces.MoveNext, cancellation).ConfigureAwait(false))
            yield return pieces.Current;
    }

    private void Train(IReadOnlyList<Row> rows, FineTuneOptions options, Action<TrainEvent> happened, CancellationToken cancellation)
    {
        var (kept, held) = HeldOut.Split(rows, options.HeldOut, options.Trainer.Seed);
        var encoder = new ChatEncoder(Model.Tokenizer, new ChatEncoderOptions());
        var findings = new List<Finding>();
        TrainingExample[] Prepare(IReadOnlyList<Row> of) => [.. new SupervisedPreparation(encoder, options.Preparation).Prepare(of, null, findings).OfType<TokenizedExample>().Select(TrainingExample.Of)];
        var (examples, measured) = (Prepare(kept), Prepare(held));
        if (examples.Length == 0)
            throw new InvalidDataException($"no row is left to train on{(findings.Count > 0 ? $" ({findings[^1]})" : "")}");
        using var session = new TrainingSession(options.Trainer, [(examples, 1)], measured, options.Threads ?? Environment.ProcessorCount);
        var planner = new PlannerOptions(options.Type ?? (Backends.HasBf16 ? DType.BF16 : DType.F32), new Engine.Ops.LossOptions(), options.Optimizer) { Memory = options.Memory };
        session.Plan(Model.Decoder, Adapter, planner, new WeightConversion(WeightFormat.AsStored));
        using var programs = session.Allocate();
        session.Trainer(programs, null, Model.Decoder.ParameterCount).Run(happened, null, cancellation);
    }
}
