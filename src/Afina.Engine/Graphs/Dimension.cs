namespace Afina.Engine.Graphs;

/// <summary>What the leading dimension of a value counts.</summary>
public enum DimensionKind : byte
{
    /// <summary>A number known when the program is built.</summary>
    Fixed,

    /// <summary>Token rows of the batch.</summary>
    Rows,

    /// <summary>Distinct rows that have a target (or whose logits are asked for).</summary>
    LabelledRows,

    /// <summary>Targets: (row, token, weight).</summary>
    Targets,

    /// <summary>Segments that the rows are cut into.</summary>
    Segments,

    /// <summary>Rows of the key/value cache.</summary>
    CachedRows,
}

/// <summary>The leading dimension of a value: a number, or a count that each run binds below a planned capacity.</summary>
/// <param name="Kind">What is counted.</param>
/// <param name="Size">The number, for <see cref="DimensionKind.Fixed"/>.</param>
public readonly record struct Dimension(DimensionKind Kind, int Size = 0)
{
    /// <summary>Token rows of the batch.</summary>
    public static Dimension Rows => new(DimensionKind.Rows);

    /// <summary>Distinct rows that have a target.</summary>
    public static Dimension LabelledRows => new(DimensionKind.LabelledRows);

    /// <summary>Targets.</summary>
    public static Dimension Targets => new(DimensionKind.Targets);

    /// <summary>Segments.</summary>
    public static Dimension Segments => new(DimensionKind.Segments);

    /// <summary>Rows of the key/value cache.</summary>
    public static Dimension CachedRows => new(DimensionKind.CachedRows);

    /// <summary>A fixed dimension.</summary>
    public static implicit operator Dimension(int size) => new(DimensionKind.Fixed, size);

    /// <summary>The number that <paramref name="counts"/> gives this dimension.</summary>
    public int Of(in Counts counts) => Kind switch
    {
        DimensionKind.Fixed => Size,
        DimensionKind.Rows => counts.Rows,
        DimensionKind.LabelledRows => counts.LabelledRows,
        DimensionKind.Targets => counts.Targets,
        DimensionKind.Segments => counts.Segments,
        _ => counts.CachedRows,
    };

    /// <inheritdoc/>
    public override string ToString() => Kind switch
    {
        DimensionKind.Fixed => Size.ToString(System.Globalization.CultureInfo.InvariantCulture),
        DimensionKind.LabelledRows => "labelled",
        DimensionKind.CachedRows => "cached",
        _ => Kind.ToString().ToLowerInvariant(),
    };
}

/// <summary>The counts that one run binds, or the capacities that a plan is made for, and the counters of its random numbers.</summary>
public record struct Counts
{
    /// <summary>Token rows.</summary>
    public int Rows { get; set; }

    /// <summary>Distinct rows that have a target.</summary>
    public int LabelledRows { get; set; }

    /// <summary>Targets.</summary>
    public int Targets { get; set; }

    /// <summary>Segments.</summary>
    public int Segments { get; set; }

    /// <summary>Rows of the key/value cache.</summary>
    public int CachedRows { get; set; }

    /// <summary>Seed of the run.</summary>
    public ulong Seed { get; set; }

    /// <summary>Optimizer step, from 0.</summary>
    public int Step { get; set; }

    /// <summary>Micro-step within the step, from 0.</summary>
    public int MicroStep { get; set; }
}
