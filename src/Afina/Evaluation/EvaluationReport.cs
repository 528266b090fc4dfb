namespace Afina.Evaluation;

/// <summary>What one model reached on some rows.</summary>
public sealed record ModelScore
{
    /// <summary>Rows that were measured.</summary>
    public required int Rows { get; init; }

    /// <summary>Tokens that the loss is a mean over; 0 for multiple choice.</summary>
    public int Tokens { get; init; }

    /// <summary>Mean −log p of the answers' tokens, in nats: the trainer's held-out loss.</summary>
    public double? Loss { get; init; }

    /// <summary>e to the loss.</summary>
    public double? Perplexity => Loss is { } loss ? Math.Exp(loss) : null;

    /// <summary>Share of the rows whose greedy answer is the wanted one, outer white space aside.</summary>
    public double? ExactMatch { get; init; }

    /// <summary>Share of the rows whose wanted label or choice is the most likely one, by the sum of its tokens' log-probabilities.</summary>
    public double? Accuracy { get; init; }

    /// <summary>The same by the sum per character (multiple choice only).</summary>
    public double? NormalizedAccuracy { get; init; }

    /// <summary>95 % interval of <see cref="Loss"/>.</summary>
    public Interval? LossInterval { get; init; }

    /// <summary>95 % interval of <see cref="ExactMatch"/>.</summary>
    public Interval? ExactMatchInterval { get; init; }

    /// <summary>95 % interval of <see cref="Accuracy"/>.</summary>
    public Interval? AccuracyInterval { get; init; }

    /// <summary>95 % interval of <see cref="NormalizedAccuracy"/>.</summary>
    public Interval? NormalizedAccuracyInterval { get; init; }

    /// <summary>The greedy answer of each row.</summary>
    public IReadOnlyList<string> Answers { get; init; } = [];

    internal double[] RowLosses { get; init; } = [];

    internal int[] RowTokens { get; init; } = [];

    internal bool[] Exact { get; init; } = [];

    internal bool[] Right { get; init; } = [];

    internal bool[] NormalizedRight { get; init; } = [];
}

/// <summary>An adapter against its base on the same rows.</summary>
/// <param name="LossDifference">Loss of the adapter minus that of the base, with its interval from paired resampling.</param>
/// <param name="ExactMatchP">McNemar's exact p for exact match.</param>
/// <param name="AccuracyP">McNemar's exact p for accuracy.</param>
public sealed record Comparison((double Value, Interval Interval)? LossDifference, double? ExactMatchP, double? AccuracyP)
{
    /// <summary>Compares two scores of the same rows.</summary>
    public static Comparison Of(ModelScore first, ModelScore second) => new(
        first.Loss is { } before && second.Loss is { } after
            ? (after - before, Statistics.PairedBootstrap(first.RowLosses, second.RowLosses, first.RowTokens)) : null,
        P(first.Exact, second.Exact), P(first.Right, second.Right));

    private static double? P(bool[] first, bool[] second)
    {
        if (first.Length == 0 || first.Length != second.Length)
            return null;
        var pairs = first.Zip(second).ToArray();
        return Statistics.McNemar(pairs.Count(pair => pair is (true, false)), pairs.Count(pair => pair is (false, true)));
    }
}

/// <summary>A row with the answers that it got.</summary>
/// <param name="Prompt">What was asked: the last turn's words.</param>
/// <param name="Wanted">The answer of the data.</param>
/// <param name="Base">The base's answer.</param>
/// <param name="Adapter">The adapter's answer, or null.</param>
public sealed record SampleAnswer(string Prompt, string Wanted, string Base, string? Adapter);

/// <summary>The outcome of an evaluation.</summary>
/// <param name="Base">The base's figures.</param>
/// <param name="Adapter">The adapter's, or null.</param>
/// <param name="Comparison">One against the other, or null.</param>
/// <param name="Samples">Some rows with both answers.</param>
/// <param name="Labels">The labels that were compared; none if accuracy was not asked for.</param>
public sealed record EvaluationReport(ModelScore Base, ModelScore? Adapter, Comparison? Comparison, IReadOnlyList<SampleAnswer> Samples, IReadOnlyList<string> Labels);
