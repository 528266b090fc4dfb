namespace Afina.Evaluation;

/// <summary>What is measured, and on which rows.</summary>
public sealed record EvaluationOptions
{
    /// <summary>The file of rows (or a folder that has a valid or test file).</summary>
    public required string Data { get; init; }

    /// <summary>Rows shown before each question as earlier turns; 0: none.</summary>
    public int Shots { get; init; }

    /// <summary>The file that shots are taken from; null: the train file beside the data, else the first rows of the data, which are then not measured.</summary>
    public string? ShotsFrom { get; init; }

    /// <summary>Whether the answers are labels to choose from by likelihood.</summary>
    public bool Labels { get; init; }

    /// <summary>Whether rows of prompt and completion in plain text are asked and answered as chat turns.</summary>
    public bool Chat { get; init; }

    /// <summary>Whether greedy answers are generated and compared.</summary>
    public bool Generate { get; init; } = true;

    /// <summary>The most rows that are measured; null: all.</summary>
    public int? Limit { get; init; }

    /// <summary>The most tokens of an answer; null: a little more than the longest wanted one.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>The most tokens of an example; what is longer is cut as in training.</summary>
    public int? MaxLength { get; init; } = 2048;

    /// <summary>How many rows are shown with their answers.</summary>
    public int Samples { get; init; } = 3;
}
