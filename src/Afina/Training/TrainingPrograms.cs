using Afina.Data.Packing;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Models;
using Afina.Training.Objectives;

namespace Afina.Training;

/// <summary>How the programs of a training are built.</summary>
/// <param name="Capacity">The most rows, labelled rows, targets and segments of a micro-step.</param>
/// <param name="Type">Type of the activations: F32 or BF16.</param>
/// <param name="Checkpoint">What the backward computes again.</param>
/// <param name="Loss">The options of the loss.</param>
/// <param name="Optimizer">How parameters are moved.</param>
public sealed record ProgramOptions(Counts Capacity, DType Type, Checkpoint Checkpoint, LossOptions Loss, OptimizerOptions Optimizer)
{
    /// <summary>What the training wants.</summary>
    public Objective Objective { get; init; } = new Supervised();

    /// <summary>The adapter of the model that an objective with a reference compares with; null: the base alone.</summary>
    public Adapter? Reference { get; init; }

    /// <summary>The lowest layer that is trained: programs begin there, with rows that are kept. 0: they begin with tokens.</summary>
    public int Cut { get; init; }

    /// <summary>Bytes of the rows that are kept at most.</summary>
    public long KeptBytes { get; init; }

    /// <summary>See <see cref="DecoderOptions.AddsToRounded"/>.</summary>
    public bool AddsToRounded { get; init; }
}

/// <summary>What a micro-step measured.</summary>
/// <param name="LogProbabilities">Of each target, in the batch's order.</param>
/// <param name="Losses">Of each target: −log p, smoothed and weighted as the options say, but not by the target's weight.</param>
/// <param name="Correct">For each target, whether its token is the most likely one.</param>
/// <param name="Entropies">Of each target's row, in nats.</param>
/// <param name="MeanLogits">Of each target's row, over the vocabulary.</param>
public sealed record MicroStepResult(float[] LogProbabilities, double[] Losses, bool[] Correct, float[] Entropies, float[] MeanLogits);

/// <summary>Makes weights of what a micro-step's forward measured.</summary>
/// <param name="measured">Log-probabilities and the like, of each target.</param>
/// <param name="weights">A place for each target's weight. They count where the objective weighs afterwards; elsewhere the batch's own have counted already.</param>
public delegate void TargetWeigher(MicroStepResult measured, Span<float> weights);

/// <summary>The programs of a training over one arena: the micro-step, the update and the evaluation.</summary>
public sealed class TrainingPrograms : IDisposable
{
    private readonly Adapter _adapter;
    private readonly ProgramOptions _options;
    private readonly Executor _step;
    private readonly Executor _update;
    private readonly Executor _score;
    private readonly Executor? _reference;
    private readonly FrozenLayers? _frozen;
    private readonly DecoderProgram _stepProgram;
    private readonly DecoderProgram _scoreProgram;
    private readonly NativeBuffer _arena;
    private readonly UpdateProgram _updateProgram;
    private readonly Bindings _state;
    private readonly TrainingPlans _plans;

    /// <summary>Allocates what the plans say and prepares the kernels.</summary>
    public TrainingPrograms(TrainingPlans plans, Backend backend, Team team)
    {
        (_plans, _adapter, _options) = (plans, plans.Adapter, plans.Options);
        (_stepProgram, _scoreProgram) = (plans.StepProgram, plans.ScoreProgram);
        Inputs = plans.Inputs;
        _adapter.AllocateGradients();
        _state = _options.Reference is { } reference ? new Bindings(_adapter.Buffers, Inputs.Buffers, reference.Buffers) : new Bindings(_adapter.Buffers, Inputs.Buffers);
        _updateProgram = new UpdateProgram(_adapter.Parameters, _options.Optimizer, _state);
        var updatePlan = backend.Plan(_updateProgram.Graph, default, team.Size);
        _arena = new NativeBuffer(Math.Max(plans.ArenaBytes, updatePlan.ArenaBytes));
        _step = new Executor(plans.Step, backend, _state, team, _arena);
        _score = new Executor(plans.Score, backend, _state, team, _arena);
        _reference = plans.Reference is { } compared ? new Executor(compared, backend, _state, team, _arena) : null;
        _update = new Executor(updatePlan, backend, _state, team, _arena);
        if (plans.Frozen is not null)
            _frozen = new FrozenLayers(new Executor(plans.Frozen, backend, _state, team, _arena), plans.FrozenProgram!, new RowCache(_options.KeptBytes), backend.FewRows);
    }

    /// <summary>What the batches are written to.</summary>
    public DecoderInputs Inputs { get; }

    /// <summary>What is trained.</summary>
    public Adapter Adapter => _adapter;

    /// <summary>The optimizer's state by name: fp32, or bytes and the magnitudes of their blocks.</summary>
    public IEnumerable<(string Name, DType Type, NativeBuffer Buffer)> Moments => _updateProgram.States.Select(state => (state.Name, state.Value.Type, _state[state.Value]));

    /// <summary>The programs by name, so that a profile can be given to each.</summary>
    internal IEnumerable<(string Name, Executor Executor)> Executors => [("micro-step", _step), ("update", _update), ("held-out rows", _score), .. _reference is null ? [] : new[] { ("reference", _reference) }, .. _frozen is null ? [] : new[] { ("layers below", _frozen.Executor) }];

    /// <summary>Rows that the layers below those that are trained have computed so far, where they are kept.</summary>
    public long FrozenRowsComputed => _frozen?.Computed ?? 0;

    /// <summary>Adds the gradient of Σ weight · loss over a batch to the parameters' gradients.</summary>
    /// <param name="weigh">Told what was measured; where the objective weighs afterwards, it writes the weights before the backward begins.</param>
    public MicroStepResult Accumulate(MicroBatch batch, ulong seed, int step, int microStep, TargetWeigher? weigh = null)
    {
        _frozen?.Provide(batch);
        var counts = Fill(batch) with { Seed = seed, Step = step, MicroStep = microStep };
        var stop = _options.Objective.WeighsAfterwards ? _plans.Step.Backward : _plans.Step.Graph.Nodes.Count;
        _step.Run(counts, ..stop);
        var measured = Read(_step, _stepProgram, batch, counts);
        weigh?.Invoke(measured, Inputs.Buffers[Inputs.TargetWeights].Span<float>(batch.Targets.Length));
        if (stop < _plans.Step.Graph.Nodes.Count)
            _step.Run(counts, stop..);
        return measured;
    }

    /// <summary>Measures a batch without gradients or dropout.</summary>
    public MicroStepResult Score(MicroBatch batch)
    {
        _frozen?.Provide(batch);
        var counts = Fill(batch);
        _score.Run(counts);
        return Read(_score, _scoreProgram, batch, counts);
    }

    /// <summary>The log-probabilities that the reference of the objective gives a batch's targets.</summary>
    public float[] ScoreReference(MicroBatch batch)
    {
        if (_reference is null)
            throw new InvalidOperationException($"the objective {_options.Objective.Name} has no reference");
        _frozen?.Provide(batch);
        var counts = Fill(batch);
        _reference.Run(counts);
        return _reference.Read<float>(_plans.ReferenceProgram!.Scores[0], counts).ToArray();
    }

    /// <summary>Moves the parameters and clears their gradients.</summary>
    /// <returns>The norm of all gradients together, before clipping.</returns>
    public double Update(int step, double learningRate)
    {
        _state[_updateProgram.Rate].Span<float>(1)[0] = (float)learningRate;
        _update.Run(new Counts { Step = step });
        return _state[_updateProgram.Norm].Span<float>(1)[0];
    }

    /// <summary>Forgets the gradients of a step that is not taken.</summary>
    public void ClearGradients()
    {
        foreach (var parameter in _adapter.Parameters)
            _adapter.Gradients(parameter).Clear();
    }

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();

    private Counts Fill(MicroBatch batch) => Inputs.Fill(batch.Tokens, batch.Segments, batch.Targets);

    private MicroStepResult Read(Executor executor, DecoderProgram program, MicroBatch batch, Counts counts)
    {
        var logp = executor.Read<float>(program.Scores[0], counts).ToArray();
        var lse = executor.Read<float>(program.Scores[1], counts);
        var best = executor.Read<int>(program.Scores[2], counts);
        var mean = executor.Read<float>(program.Scores[3], counts);
        var entropy = executor.Read<float>(program.Scores[4], counts);
        var places = Inputs.Buffers[Inputs.TargetRows].Span<int>(batch.Targets.Length);
        var (losses, correct, entropies, means) = (new double[logp.Length], new bool[logp.Length], new float[logp.Length], new float[logp.Length]);
        var smoothing = _options.Loss.LabelSmoothing;
        for (var t = 0; t < logp.Length; t++)
        {
            var row = places[t];
            var loss = -(double)logp[t] * (1 - smoothing) + smoothing * ((double)lse[row] - mean[row]);
            losses[t] = _options.Loss.Dynamic ? loss * Math.Exp(logp[t]) : loss;
            correct[t] = best[row] == batch.Targets[t].Token;
            (entropies[t], means[t]) = (entropy[row], mean[row]);
        }

        return new MicroStepResult(logp, losses, correct, entropies, means);
    }
}
