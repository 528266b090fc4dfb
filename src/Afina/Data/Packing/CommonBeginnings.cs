using System.Runtime.InteropServices;

namespace Afina.Data.Packing;

/// <summary>What the sequences of a data set begin with alike. Each is cut there into segments, whatever is beside it in a micro-step: then the
/// rows of a sequence have the same bits in every epoch, and can be kept.</summary>
internal sealed class CommonBeginnings
{
    private readonly Dictionary<ReadOnlyMemory<int>, (ReadOnlyMemory<int> Tokens, int Common, int Count)> _groups = new(new TokensComparer());
    private readonly int _least;

    /// <summary>Looks at all sequences.</summary>
    /// <param name="least">The fewest tokens in common that count; 0: none do.</param>
    public CommonBeginnings(IEnumerable<Sequence> sequences, int least)
    {
        _least = least;
        foreach (var sequence in sequences.Where(IsLongEnough))
        {
            ref var group = ref CollectionsMarshal.GetValueRefOrAddDefault(_groups, sequence.Tokens[..least], out var exists);
            group = exists
                ? (group.Tokens, sequence.Tokens.Span.CommonPrefixLength(group.Tokens.Span[..group.Common]), group.Count + 1)
                : (sequence.Tokens, sequence.Tokens.Length, 1);
        }
    }

    /// <summary>The same sequence with its mark.</summary>
    public Sequence Mark(Sequence sequence) =>
        IsLongEnough(sequence) && _groups.TryGetValue(sequence.Tokens[.._least], out var group) && group.Count > 1 ? sequence with { Common = group.Common } : sequence;

    private bool IsLongEnough(Sequence sequence) => _least > 0 && sequence.Tokens.Length >= _least;

    private sealed class TokensComparer : IEqualityComparer<ReadOnlyMemory<int>>
    {
        public bool Equals(ReadOnlyMemory<int> x, ReadOnlyMemory<int> y) => x.Span.SequenceEqual(y.Span);

        public int GetHashCode(ReadOnlyMemory<int> tokens)
        {
            var hash = new HashCode();
            hash.AddBytes(MemoryMarshal.AsBytes(tokens.Span));
            return hash.ToHashCode();
        }
    }
}
