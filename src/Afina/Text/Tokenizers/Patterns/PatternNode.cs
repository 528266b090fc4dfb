namespace Afina.Text.Tokenizers.Patterns;

/// <summary>A parsed pattern.</summary>
internal abstract record PatternNode
{
    /// <summary>The fewest and the most code points that the node can match (<see cref="int.MaxValue"/>: no bound).</summary>
    public abstract (int Least, int Most) Length { get; }
}

/// <summary>One code point out of a set.</summary>
internal sealed record SetNode(Func<int, bool> Contains) : PatternNode
{
    public override (int, int) Length => (1, 1);
}

/// <summary>Nodes one after the other; none: the empty pattern.</summary>
internal sealed record SequenceNode(IReadOnlyList<PatternNode> Parts) : PatternNode
{
    public override (int, int) Length => Parts.Aggregate((0, 0), (sum, part) => (Bounds.Add(sum.Item1, part.Length.Least), Bounds.Add(sum.Item2, part.Length.Most)));
}

/// <summary>The first branch that lets the rest match.</summary>
internal sealed record AlternationNode(IReadOnlyList<PatternNode> Branches) : PatternNode
{
    public override (int, int) Length => (Branches.Min(branch => branch.Length.Least), Branches.Max(branch => branch.Length.Most));
}

/// <summary>How a repetition chooses its count.</summary>
internal enum Greed
{
    Greedy,
    Lazy,
    Possessive,
}

/// <summary>A node repeated from <paramref name="Least"/> to <paramref name="Most"/> times.</summary>
internal sealed record RepeatNode(PatternNode Body, int Least, int Most, Greed Greed) : PatternNode
{
    public override (int, int) Length => (Bounds.Multiply(Body.Length.Least, Least), Bounds.Multiply(Body.Length.Most, Most));
}

/// <summary>(?&gt;…): no way back into what matched.</summary>
internal sealed record AtomicNode(PatternNode Body) : PatternNode
{
    public override (int, int) Length => Body.Length;
}

/// <summary>(?=…) (?!…) (?&lt;=…) (?&lt;!…).</summary>
internal sealed record LookNode(PatternNode Body, bool Behind, bool Negative) : PatternNode
{
    public override (int, int) Length => (0, 0);
}

/// <summary>A place in the text.</summary>
internal enum Anchor
{
    LineStart,
    LineEnd,
    TextStart,
    TextEnd,
    TextEndOrLastNewline,
    WordBoundary,
    NoWordBoundary,
    SearchStart,
}

/// <summary>An anchor; matches no text.</summary>
internal sealed record AnchorNode(Anchor Anchor) : PatternNode
{
    public override (int, int) Length => (0, 0);
}

/// <summary>Arithmetic that stays at "no bound".</summary>
internal static class Bounds
{
    public static int Add(int a, int b) => (int)Math.Min((long)a + b, int.MaxValue);

    public static int Multiply(int a, int b) => (int)Math.Min((long)a * b, int.MaxValue);
}
