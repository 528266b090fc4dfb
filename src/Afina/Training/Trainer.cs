using System.Diagnostics;
using Afina.Data.Ordering;
using Afina.Data.Packing;
using Afina.Models;
using Afina.Training.Objectives;
using Afina.Training.Schedules;

namespace Afina.Training;

/// <summary>Trains an adapter on examples: steps, measurements of what is held out, checkpoints.</summary>
public sealed class Trainer
{
    private readonly TrainingPrograms _programs;
    private readonly Adapter _adapter;
    private readonly TrainerOptions _options;
    private readonly WindowRunner _runner;
    private readonly IReadOnlyList<TrainingExample> _examples;
    private readonly IReadOnlyList<TrainingExample> _held;
    private readonly IReadOnlyList<MicroBatch> _heldBatches;
    private readonly ReferenceScores? _reference;
    private readonly ReferenceScores? _heldReference;
    private readonly EpochOrder _order;
    private readonly StepPacker _packer;
    private readonly Schedule _schedule;
    private readonly Checkpoints? _checkpoints;
    private readonly BestValues? _best;
    private readonly long _allParameters;

    /// <summary>Prepares a training.</summary>
    /// <param name="programs">The planned programs.</param>
    /// <param name="plans">Their plans.</param>
    /// <param name="sources">Examples per source, with how often each is seen in an epoch.</param>
    /// <param name="held">Examples that are only measured.</param>
    /// <param name="checkpoints">Where states are kept; null: nowhere.</param>
    /// <param name="allParameters">Elements of the base model, for the count that is shown.</param>
    public Trainer(TrainingPrograms programs, TrainingPlans plans, TrainerOptions options, IReadOnlyList<(IReadOnlyList<TrainingExample> Examples, double Weight)> sources, IReadOnlyList<TrainingExample> held, Checkpoints? checkpoints = null, long allParameters = 0)
    {
        (_programs, _adapter, _options, _checkpoints, _allParameters) = (programs, plans.Adapter, options, checkpoints, allParameters);
        (_examples, _held) = ([.. sources.SelectMany(source => source.Examples)], held);
        _order = new EpochOrder([.. sources.Select(source => (source.Examples.Count, source.Weight))], options.Seed, options.Shuffle);
        if (_order.Length == 0)
            throw new InvalidDataException("there are no examples to train on");
        var capacity = plans.Options.Capacity;
        _packer = new StepPacker(new PackingLimits(capacity.Rows, plans.Adapter.Dropout > 0 ? 0 : options.SharedPrefix, capacity.Targets, capacity.Segments));
        var scorer = new StepPacker(new PackingLimits(capacity.Rows, options.SharedPrefix, capacity.Targets, capacity.Segments));
        var window = HeldOut();
        _heldBatches = held.Count == 0 ? [] : scorer.Pack(window.Sequences, window.ExampleOf);
        var objective = plans.Options.Objective;
        _runner = new WindowRunner(programs, objective);
        if (objective.HasReference)
            (_reference, _heldReference) = (new ReferenceScores(_examples), new ReferenceScores(held));
        _best = held.Count > 0 && options.LoadBestModelAtEnd ? new BestValues(_adapter) : null;
        var perStep = options.MicroBatchSize * options.GradientAccumulationSteps;
        StepsPerEpoch = (_order.Length + perStep - 1) / perStep;
        Steps = options.MaxSteps ?? (int)Math.Ceiling(StepsPerEpoch * options.Epochs);
        var warmup = options.WarmupSteps ?? (int)Math.Ceiling(Steps * options.WarmupRatio);
        _schedule = Schedule.Create(options.Scheduler, options.SchedulerOptions ?? new ScheduleOptions(), warmup, Steps, options.LearningRate);
    }

    /// <summary>Steps of an epoch.</summary>
    public int StepsPerEpoch { get; }

    /// <summary>Steps in all.</summary>
    public int Steps { get; }

    /// <summary>Trains; tells what happens as it happens. Returns the end, which is also the last event.</summary>
    /// <param name="state">Where an earlier run stopped; its parameters are in place already.</param>
    public TrainFinished Run(Action<TrainEvent> happened, TrainingState? state = null, CancellationToken cancellation = default)
    {
        if (state?.Reference is { } reference && _reference is not null)
        {
            if (reference.Length != _reference.Values.Length)
                throw new InvalidDataException($"the checkpoint has {reference.Length} log-probabilities of the reference, but the rows have {_reference.Values.Length} targets; start anew with resume_from_checkpoint=false");
            reference.CopyTo(_reference.Values, 0);
        }

        var now = (state ?? new TrainingState()) with { Reference = _reference?.Values };
        if (now.Step > 0 && now.BestLoss is not null && _best is not null)
            _checkpoints?.LoadBest(_best);
        happened(new TrainStarted(now.Step, Steps, _order.Length, _held.Count, _adapter.TrainableCount, _adapter.TrainableCount + _allParameters));
        var pace = new Pace(Steps - now.Step);
        if (now.Step == 0 && _held.Count > 0 && now.BestLoss is null)
            Measure(happened, ref now);
        TrainFinished End(TrainEnd end, string? message = null)
        {
            if (end is TrainEnd.Cancelled or TrainEnd.NotFinite && _checkpoints is not null)
                happened(new CheckpointSaved(now.Step, _checkpoints.Save(_programs, now)));
            var restored = end is TrainEnd.Complete or TrainEnd.EarlyStopping && _best?.Restore() == true;
            var finished = new TrainFinished(end, now.Step, pace.Seconds, now.Tokens, restored ? now.BestLoss : now.LastLoss, message);
            happened(finished);
            return finished;
        }

        while (now.Step < Steps)
        {
            if (cancellation.IsCancellationRequested)
                return End(TrainEnd.Cancelled);
            pace.Start();
            var position = now.Position;
            var indices = _order.Take(ref position, _options.MicroBatchSize * _options.GradientAccumulationSteps);
            var window = new Window([.. indices.Select(index => _examples[index])], _options.MicroBatchSize);
            _runner.Accumulate(window, _packer, indices, _reference, (ulong)_options.Seed, now.Step);
            var loss = window["loss"];
            var rate = _options.LearningRate * _schedule.Factor(now.Step);
            var norm = window.Targets == 0 ? 0 : double.IsFinite(loss) ? _programs.Update(now.Step, rate) : double.NaN;
            if (!double.IsFinite(norm))
            {
                _programs.ClearGradients();
                var what = double.IsFinite(loss) ? "the gradient" : "the loss";
                return End(TrainEnd.NotFinite, $"step {now.Step + 1}: {what} is not finite; the state before it is kept. Lower learning_rate (now {_options.LearningRate:G3}), or look for a broken example among those of this step");
            }

            var tokens = window.Sequences.Sum(sequence => (long)sequence.Tokens.Length);
            now = now with { Step = now.Step + 1, Position = position, Tokens = now.Tokens + tokens };
            pace.Stop(tokens);
            happened(new StepDone(now.Step, Steps, (double)now.Step / StepsPerEpoch, loss, norm, rate, window["mean_token_accuracy"], now.Tokens, pace.TokensPerSecond, pace.SecondsLeft) { Metrics = Others(window) });

            var epochEnds = now.Step % StepsPerEpoch == 0 || now.Step == Steps;
            if (_held.Count > 0 && (_options.EvalSteps > 0 ? now.Step % _options.EvalSteps == 0 || now.Step == Steps : epochEnds))
            {
                Measure(happened, ref now);
                if (_options.EarlyStoppingPatience > 0 && now.SinceBest >= _options.EarlyStoppingPatience)
                    return End(TrainEnd.EarlyStopping);
            }

            if (_checkpoints is not null && now.Step < Steps && (_options.SaveSteps > 0 ? now.Step % _options.SaveSteps == 0 : epochEnds))
                happened(new CheckpointSaved(now.Step, _checkpoints.Save(_programs, now)));
        }

        return End(TrainEnd.Complete);
    }

    private Window HeldOut() => new(_held, Math.Max(_held.Count, 1), isHeldOut: true);

    private static Dictionary<string, double> Others(Window window) =>
        window.Metrics.Where(metric => metric.Key is not ("loss" or "mean_token_accuracy")).ToDictionary(StringComparer.Ordinal);

    private void Measure(Action<TrainEvent> happened, ref TrainingState now)
    {
        var window = HeldOut();
        _runner.Measure(window, _heldBatches, _heldReference, share => happened(new Working("measuring the held-out rows", share)));
        var loss = window["loss"];
        var best = now.BestLoss is not { } lowest || loss < lowest;
        now = now with { LastLoss = loss, BestLoss = best ? loss : now.BestLoss, SinceBest = best ? 0 : now.SinceBest + 1 };
        if (best && now.Step > 0)
        {
            _best?.Keep();
            _checkpoints?.SaveBest(_adapter);
        }

        happened(new HeldOutMeasured(now.Step, loss, window["mean_token_accuracy"], best) { Metrics = Others(window) });
    }

    /// <summary>How fast it goes and how long it will take.</summary>
    private sealed class Pace(int steps)
    {
        private readonly Queue<(double Seconds, long Tokens)> _last = [];
        private readonly long _begun = Stopwatch.GetTimestamp();
        private long _started;
        private int _done;

        /// <summary>Time of the steps alone.</summary>
        public double Seconds { get; private set; }

        public double TokensPerSecond => _last.Sum(step => step.Tokens) / Math.Max(_last.Sum(step => step.Seconds), 1e-9);

        public double SecondsLeft => Stopwatch.GetElapsedTime(_begun).TotalSeconds / Math.Max(_done, 1) * (steps - _done);

        public void Start() => _started = Stopwatch.GetTimestamp();

        public void Stop(long tokens)
        {
            var seconds = Stopwatch.GetElapsedTime(_started).TotalSeconds;
            Seconds += seconds;
            _done++;
            _last.Enqueue((seconds, tokens));
            if (_last.Count > 20)
                _last.Dequeue();
        }
    }
}
