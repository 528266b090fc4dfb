namespace Afina.Data;

/// <summary>What was noticed about a row without refusing it.</summary>
public enum FindingKind
{
    /// <summary>The row could not be used and was left out.</summary>
    BadRow,

    /// <summary>The file was not plain UTF-8 and was converted while reading.</summary>
    Converted,

    /// <summary>The same row stands in the data more than once.</summary>
    Duplicate,

    /// <summary>The row was longer than the limit and was cut.</summary>
    Truncated,

    /// <summary>Nothing of the row would be trained, so it was left out.</summary>
    NothingTrained,

    /// <summary>The token that ends the answer is not trained: the model would not learn to stop.</summary>
    EndOfTurnUntrained,

    /// <summary>The prompt's own tokens are not the beginning of the tokens of prompt and answer.</summary>
    PromptNotPrefix,

    /// <summary>The text begins with the begin-of-sequence token twice.</summary>
    DoubledBeginning,

    /// <summary>The chosen and the rejected answer are the same.</summary>
    SameAnswers,

    /// <summary>A held-out row is also trained, so the held-out loss looks better than it is.</summary>
    Leak,
}

/// <summary>Something noticed about a row, with its place.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="File">The file as the user named it.</param>
/// <param name="Line">The line on which the row begins, from 1; 0 speaks of the whole file.</param>
/// <param name="Message">One sentence, without the place.</param>
public sealed record Finding(FindingKind Kind, string File, int Line, string Message)
{
    /// <summary>The finding as one line: <c>file:line: message</c>.</summary>
    public override string ToString() => Line > 0 ? $"{File}:{Line}: {Message}" : $"{File}: {Message}";

    /// <summary>The findings kind by kind, how many there are and the first of each, in the order in which they first appear.</summary>
    public static IReadOnlyList<(FindingKind Kind, int Count, Finding First)> Summarize(IEnumerable<Finding> findings) =>
        [.. findings.GroupBy(finding => finding.Kind).Select(group => (group.Key, group.Count(), group.First()))];
}
