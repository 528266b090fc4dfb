namespace Afina.Formats.Peft;

/// <summary>What PEFT writes to choose modules: a list of names (each matches a whole path or the end of one) or one regular expression for
/// whole paths.</summary>
public sealed record ModuleNames
{
    private ModuleNames(IReadOnlyList<string>? names, string? pattern) => (Names, Pattern) = (names, pattern);

    /// <summary>The list, or null.</summary>
    public IReadOnlyList<string>? Names { get; }

    /// <summary>The expression, or null.</summary>
    public string? Pattern { get; }

    /// <summary>True for the word that stands for every linear layer but the head.</summary>
    public bool IsAllLinear => string.Equals(Pattern, "all-linear", StringComparison.OrdinalIgnoreCase);

    /// <summary>A list of names.</summary>
    public static ModuleNames List(params IEnumerable<string> names) => new([.. names], null);

    /// <summary>A regular expression in Python's syntax, or <c>all-linear</c>.</summary>
    public static ModuleNames Expression(string pattern) => new(null, pattern);

    /// <inheritdoc/>
    public bool Equals(ModuleNames? other) =>
        other is not null && Pattern == other.Pattern && (Names ?? []).SequenceEqual(other.Names ?? []) && Names is null == other.Names is null;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Pattern, Names?.Count, Names is [var first, ..] ? first : null);

    /// <inheritdoc/>
    public override string ToString() => Pattern ?? $"[{string.Join(", ", Names!)}]";
}
