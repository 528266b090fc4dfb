using Afina.Data;
using Afina.Data.Packing;

namespace Afina.Training.Objectives;

/// <summary>An example as its objective lays it out: the sequences that it needs, which stay in one micro-step.</summary>
/// <param name="Sequences">As many for each example of an objective, in its order.</param>
public sealed record TrainingExample(IReadOnlyList<Sequence> Sequences)
{
    /// <summary>What the loss asks of it.</summary>
    public int Targets => Sequences.Sum(sequence => sequence.Targets.Count);

    /// <summary>Rows of its sequences, each counted for itself.</summary>
    public int Tokens => Sequences.Sum(sequence => sequence.Tokens.Length);

    /// <summary>An example of supervised learning.</summary>
    public static TrainingExample Of(TokenizedExample example) => new([Sequence.Of(example)]);

    /// <summary>Rows that it takes where common beginnings of at least <paramref name="sharedPrefix"/> tokens are computed once.</summary>
    internal int Rows(int sharedPrefix)
    {
        if (Sequences.Count == 1)
            return Sequences[0].Tokens.Length;
        var tree = new PrefixTree(Sequences, sharedPrefix);
        tree.Add(Enumerable.Range(0, Sequences.Count));
        return tree.Rows;
    }
}
