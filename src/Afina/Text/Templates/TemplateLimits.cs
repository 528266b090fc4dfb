namespace Afina.Text.Templates;

/// <summary>What one rendering may use; templates come from strangers.</summary>
public sealed record TemplateLimits
{
    /// <summary>The limits that a template gets unless told otherwise: far above any real one.</summary>
    public static TemplateLimits Default { get; } = new();

    /// <summary>Evaluated nodes, loop turns and touched items together.</summary>
    public long Steps { get; init; } = 10_000_000;

    /// <summary>Characters of the output, and of any text on the way to it.</summary>
    public int Length { get; init; } = 1 << 24;

    /// <summary>Items of one list, and of one range (Jinja's sandbox has the same number).</summary>
    public int Items { get; init; } = 100_000;

    /// <summary>Macros, callers and recursive loops inside each other.</summary>
    public int CallDepth { get; init; } = 200;

    /// <summary>Wall-clock time.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(10);
}
