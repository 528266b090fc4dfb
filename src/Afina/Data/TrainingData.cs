using System.IO.Hashing;
using System.Runtime.InteropServices;
using Afina.Data.Ordering;
using Afina.Data.Preparation;

namespace Afina.Data;

/// <summary>What a run reads, and how.</summary>
public sealed record DataRequest
{
    /// <summary>The files to train on.</summary>
    public required IReadOnlyList<DataSource> Sources { get; init; }

    /// <summary>The files to measure on; with any, nothing is held out of <see cref="Sources"/>.</summary>
    public IReadOnlyList<DataSource> HeldOutSources { get; init; } = [];

    /// <summary>Rows to hold out of training: below 1 a share, from 1 on a number.</summary>
    public double HeldOut { get; init; }

    /// <summary>Fewer rows than this are all trained on.</summary>
    public int HeldOutFrom { get; init; }

    /// <summary>Fixes which rows are held out.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>How rows become examples.</summary>
    public PreparationOptions Preparation { get; init; } = new();

    /// <summary>A chat template instead of the model's.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>An end-of-sequence token instead of the tokenizer's.</summary>
    public string? EndToken { get; init; }

    /// <summary>The time that chat templates print.</summary>
    public DateTime Now { get; init; } = DateTime.Now;
}

/// <summary>Examples to train and to measure on.</summary>
/// <typeparam name="T">The kind of example.</typeparam>
/// <param name="Train">The examples to train on, source after source.</param>
/// <param name="Sources">For each source its examples and how often each is seen in an epoch.</param>
/// <param name="Held">The examples to measure on.</param>
/// <param name="RowsRead">Rows that were read, held-out ones included.</param>
/// <param name="Findings">What was noticed, in the order of the files.</param>
/// <param name="Fingerprint">Changes with any token or label of <paramref name="Train"/>, so that a resumed run notices other data.</param>
public sealed record TrainingData<T>(
    IReadOnlyList<T> Train, IReadOnlyList<(int Count, double Weight)> Sources, IReadOnlyList<T> Held, int RowsRead, IReadOnlyList<Finding> Findings, ulong Fingerprint)
{
    /// <summary>The formats of the rows, and how many rows have each.</summary>
    public IReadOnlyList<(RowFormat Format, int Rows)> Formats { get; init; } = [];

    /// <summary>The same with other examples made of each.</summary>
    internal TrainingData<TOther> Select<TOther>(Func<T, TOther> of) =>
        new([.. Train.Select(of)], Sources, [.. Held.Select(of)], RowsRead, Findings, Fingerprint) { Formats = Formats };

    /// <summary>The order in which the examples are seen.</summary>
    public EpochOrder Order(long seed, bool shuffle = true) => new(Sources, seed, shuffle);
}

/// <summary>A hash over numbers, fed piece by piece.</summary>
internal sealed class NumberHash
{
    private readonly XxHash3 _hash = new();

    public void Add(ReadOnlySpan<int> numbers)
    {
        var length = numbers.Length;
        _hash.Append(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in length)));
        _hash.Append(MemoryMarshal.AsBytes(numbers));
    }

    public ulong Value => _hash.GetCurrentHashAsUInt64();
}
