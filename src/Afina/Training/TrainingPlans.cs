using Afina.Engine.Execution;
using Afina.Engine.Passes;
using Afina.Engine.Planning;
using Afina.Models;

namespace Afina.Training;

/// <summary>The planned programs of a training, before any memory but their small inputs is allocated: what <c>afina plan</c> prints and
/// what is then run are this object.</summary>
public sealed class TrainingPlans
{
    /// <summary>Plans the micro-step and the evaluation.</summary>
    public TrainingPlans(Decoder model, Adapter adapter, ProgramOptions options, Backend backend, int threads)
    {
        (Adapter, Options) = (adapter, options);
        Inputs = new DecoderInputs(model.Config, options.Capacity, options.Type, options.Cut > 0);
        StepProgram = DecoderProgram.Build(model, adapter, Inputs, new DecoderOptions(options.Objective.WeighsAfterwards ? DecoderUse.Weighing : DecoderUse.Training, options.Type, false, options.Loss, options.Cut) { AddsToRounded = options.AddsToRounded });
        ScoreProgram = DecoderProgram.Build(model, adapter, Inputs, new DecoderOptions(DecoderUse.Scoring, options.Type, false, options.Loss, options.Cut) { AddsToRounded = options.AddsToRounded });
        Step = backend.Plan(Checkpointing.Rewrite(StepProgram.Graph, options.Checkpoint), options.Capacity, threads);
        Score = backend.Plan(ScoreProgram.Graph, options.Capacity, threads);
        if (options.Cut > 0)
        {
            FrozenProgram = DecoderProgram.Build(model, null, Inputs, new DecoderOptions(DecoderUse.Hidden, options.Type, Cut: options.Cut));
            Frozen = backend.Plan(FrozenProgram.Graph, options.Capacity, threads);
        }

        if (!options.Objective.HasReference)
            return;
        ReferenceProgram = DecoderProgram.Build(model, options.Reference, Inputs, new DecoderOptions(DecoderUse.Scoring, options.Type, false, options.Loss, options.Cut) { AddsToRounded = options.AddsToRounded });
        Reference = backend.Plan(ReferenceProgram.Graph, options.Capacity, threads);
    }

    /// <summary>What is trained.</summary>
    public Adapter Adapter { get; }

    /// <summary>How the programs were built.</summary>
    public ProgramOptions Options { get; }

    /// <summary>What the batches are written to.</summary>
    public DecoderInputs Inputs { get; }

    /// <summary>The plan of the micro-step.</summary>
    public Plan Step { get; }

    /// <summary>The plan of the evaluation.</summary>
    public Plan Score { get; }

    /// <summary>The plan of the model that the trained one is compared with, where the objective does so.</summary>
    public Plan? Reference { get; }

    /// <summary>The plan of the layers below those that are trained, where their rows are kept.</summary>
    public Plan? Frozen { get; }

    /// <summary>The program of the micro-step.</summary>
    public DecoderProgram StepProgram { get; }

    /// <summary>The program of the evaluation.</summary>
    public DecoderProgram ScoreProgram { get; }

    /// <summary>The program of the model that the trained one is compared with.</summary>
    public DecoderProgram? ReferenceProgram { get; }

    /// <summary>The program of the layers below those that are trained, where their rows are kept.</summary>
    public DecoderProgram? FrozenProgram { get; }

    /// <summary>Bytes of the arena that all programs share.</summary>
    public long ArenaBytes => new[] { Step, Score, Reference, Frozen }.Max(plan => plan?.ArenaBytes ?? 0);

    /// <summary>Bytes of the parameters with their gradients and optimizer state.</summary>
    public long AdapterBytes => Adapter.TrainableCount * 2 * sizeof(float) + UpdateProgram.StateBytes(Adapter.Parameters, Options.Optimizer) + (Options.Reference?.TrainableCount ?? 0) * sizeof(float);
}
