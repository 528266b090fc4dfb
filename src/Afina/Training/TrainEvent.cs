namespace Afina.Training;

/// <summary>Something that happened in a training, in the order in which it happened.</summary>
public abstract record TrainEvent;

/// <summary>The training begins.</summary>
/// <param name="FirstStep">Steps that were done before, by the run that this one goes on with.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Examples">Examples of an epoch.</param>
/// <param name="HeldOut">Examples held out.</param>
/// <param name="TrainableParameters">Elements that are trained.</param>
/// <param name="AllParameters">Elements of model and adapter.</param>
public sealed record TrainStarted(int FirstStep, int Steps, int Examples, int HeldOut, long TrainableParameters, long AllParameters) : TrainEvent;

/// <summary>Something that takes a while beside the steps has come so far.</summary>
/// <param name="What">In a few words.</param>
/// <param name="Share">How much of it is done.</param>
public sealed record Working(string What, double Share) : TrainEvent;

/// <summary>An optimizer step is done.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Epoch">Epochs done, with the part of the current one.</param>
/// <param name="Loss">The objective's loss: over the step's targets, or its pairs.</param>
/// <param name="GradientNorm">Norm of all gradients before clipping.</param>
/// <param name="LearningRate">The rate that was used.</param>
/// <param name="Accuracy">Share of the targets that were the most likely token.</param>
/// <param name="Tokens">Tokens trained on since the run began, shared ones counted for each example.</param>
/// <param name="TokensPerSecond">Over the last steps.</param>
/// <param name="SecondsLeft">Estimated, evaluations included.</param>
public sealed record StepDone(int Step, int Steps, double Epoch, double Loss, double GradientNorm, double LearningRate, double Accuracy, long Tokens, double TokensPerSecond, double SecondsLeft) : TrainEvent
{
    /// <summary>What else the objective measures, under TRL's names.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = new Dictionary<string, double>();
}

/// <summary>The held-out examples were measured.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Loss">The objective's loss over all of their targets, or pairs.</param>
/// <param name="Accuracy">Share of the targets that were the most likely token.</param>
/// <param name="IsBest">Whether no earlier loss was lower.</param>
public sealed record HeldOutMeasured(int Step, double Loss, double Accuracy, bool IsBest) : TrainEvent
{
    /// <summary>What else the objective measures, under TRL's names.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = new Dictionary<string, double>();
}

/// <summary>A checkpoint was written.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Path">Its folder.</param>
public sealed record CheckpointSaved(int Step, string Path) : TrainEvent;

/// <summary>Why a training ended.</summary>
public enum TrainEnd : byte
{
    /// <summary>All steps are done.</summary>
    Complete,

    /// <summary>The held-out loss no longer fell.</summary>
    EarlyStopping,

    /// <summary>It was asked to stop; the state is kept.</summary>
    Cancelled,

    /// <summary>The loss or the gradient was not finite; the last good state is kept.</summary>
    NotFinite,
}

/// <summary>The training ended.</summary>
/// <param name="End">Why.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Seconds">Time of the steps, evaluations left out.</param>
/// <param name="Tokens">Tokens trained on.</param>
/// <param name="FinalLoss">Held-out loss of the adapter that was kept, where rows were held out.</param>
/// <param name="Message">One line for a person, where something went wrong.</param>
public sealed record TrainFinished(TrainEnd End, int Step, double Seconds, long Tokens, double? FinalLoss, string? Message) : TrainEvent;
