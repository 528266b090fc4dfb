using Afina.Data;
using Afina.Training;

namespace Afina.Runs;

/// <summary>What a training run will do, known before its first step.</summary>
public sealed record RunSummary
{
    /// <summary>The base model's name.</summary>
    public required string Base { get; init; }

    /// <summary>How its matrices are stored, or what they are converted to.</summary>
    public required string Stored { get; init; }

    /// <summary>Elements of the base model.</summary>
    public required long Parameters { get; init; }

    /// <summary>The rank.</summary>
    public required int Rank { get; init; }

    /// <summary>What is adapted.</summary>
    public required string Targets { get; init; }

    /// <summary>Elements that are trained.</summary>
    public required long Trainable { get; init; }

    /// <summary>PEFT's line on trainable parameters.</summary>
    public required string TrainableLine { get; init; }

    /// <summary>What the training does.</summary>
    public required string Objective { get; init; }

    /// <summary>Examples to train on.</summary>
    public required int Examples { get; init; }

    /// <summary>Examples that are held out.</summary>
    public required int HeldOut { get; init; }

    /// <summary>The formats of the rows.</summary>
    public required string Formats { get; init; }

    /// <summary>Tokens that have a loss, of all examples to train on.</summary>
    public required long LossTokens { get; init; }

    /// <summary>Optimizer steps in all.</summary>
    public required int Steps { get; init; }

    /// <summary>Steps that an earlier run did.</summary>
    public int FirstStep { get; init; }

    /// <summary>The planned memory.</summary>
    public required MemoryReport Memory { get; init; }

    /// <summary>Bytes that may be taken.</summary>
    public required long Available { get; init; }

    /// <summary>Rows of a micro-step.</summary>
    public required int MicroRows { get; init; }

    /// <summary>What the backward computes again: nothing, cheap, layers.</summary>
    public required string Recomputation { get; init; }

    /// <summary>Estimated duration in seconds.</summary>
    public required double Seconds { get; init; }

    /// <summary>fp32 or bf16.</summary>
    public required string Type { get; init; }

    /// <summary>Threads.</summary>
    public required int Threads { get; init; }

    /// <summary>The kernels.</summary>
    public required string Kernels { get; init; }

    /// <summary>The peak learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>What a person should know: conversions, resumed or removed checkpoints.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>What was noticed about the rows.</summary>
    public required IReadOnlyList<Finding> Findings { get; init; }
}
