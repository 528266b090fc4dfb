using Afina.Data.Packing;

namespace Afina.Evaluation;

/// <summary>What sequences have in common at their beginning, to be computed once for all of them.</summary>
internal static class CommonPrefix
{
    /// <summary>Tokens that all of them begin with, at least one left to each.</summary>
    public static int Length(IEnumerable<ReadOnlyMemory<int>> sequences)
    {
        ReadOnlyMemory<int>? first = null;
        var length = int.MaxValue;
        foreach (var tokens in sequences)
        {
            first ??= tokens;
            length = Math.Min(length, Math.Min(first.Value.Span.CommonPrefixLength(tokens.Span), tokens.Length - 1));
        }

        return first is null ? 0 : Math.Max(length, 0);
    }

    /// <summary>The same sequence without its first tokens; no target may lie among them.</summary>
    public static Sequence Without(Sequence sequence, int length) => new(sequence.Tokens[length..],
        [.. sequence.Targets.Select(target => target with { Position = target.Position - length })]);

    /// <summary>The length that can be shared: of the common tokens, those before every target.</summary>
    public static int Shared(IReadOnlyList<Sequence> sequences)
    {
        var asked = sequences.Where(sequence => sequence.Targets.Count > 0).ToList();
        return asked.Count == 0 ? 0 : Math.Min(Length(asked.Select(sequence => sequence.Tokens)), asked.Min(sequence => sequence.Targets.Min(target => target.Position)));
    }
}
