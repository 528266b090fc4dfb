namespace Afina.Training;

/// <summary>The planned memory of a training, by part, in bytes: what lies in memory at the same time while it trains.</summary>
public sealed record MemoryReport
{
    /// <summary>What .NET, the libraries, compiled code and garbage between two collections take, as measured (docs/numerics.md).</summary>
    public const long RuntimeAllowance = 106L << 20;

    /// <summary>What measuring held-out rows and writing the best adapter add to that, as measured.</summary>
    public const long EvaluationAllowance = 12L << 20;

    /// <summary>Frozen weights: converted ones, and mapped ones in full.</summary>
    public required long Weights { get; init; }

    /// <summary>Parameters, gradients, the optimizer's state.</summary>
    public required long Adapter { get; init; }

    /// <summary>The arena of the training step.</summary>
    public required long Activations { get; init; }

    /// <summary>What measuring held-out rows takes beside: a larger arena, and the best values so far.</summary>
    public long Evaluation { get; init; }

    /// <summary>Rows that leave the layers below the trained ones, kept for later epochs.</summary>
    public long KeptRows { get; init; }

    /// <summary>The prepared rows and the tokenizer.</summary>
    public long Data { get; init; }

    /// <summary>The allowance for the runtime.</summary>
    public long Runtime { get; init; } = RuntimeAllowance;

    /// <summary>The most that was in memory before the first step, while files were read and rows were prepared.</summary>
    public long Loading { get; init; }

    /// <summary>The sum of what lies in memory while it trains.</summary>
    public long Training => Weights + Adapter + Activations + Evaluation + KeptRows + Data + Runtime;

    /// <summary>The planned peak.</summary>
    public long Total => Math.Max(Training, Loading);

    /// <summary>The parts that add up while it trains, by name.</summary>
    public IEnumerable<(string Name, long Bytes)> Parts =>
    [
        ("weights", Weights), ("adapter", Adapter), ("activations", Activations), ("evaluation", Evaluation), ("kept rows", KeptRows), ("data", Data), ("runtime", Runtime),
    ];
}
