using System.Text.Json;
using Afina.Data;
using Afina.Data.Packing;
using Afina.Data.Preparation;

namespace Afina.Conformance.Kinds;

/// <summary>Rows after preparation, to compare with what a trainer of TRL made of them.</summary>
internal abstract class PreparedRows
{
    /// <summary>Compares every row, dropped ones included.</summary>
    public abstract void CompareRows(JsonElement rows, Check check);

    /// <summary>Compares packed rows.</summary>
    public virtual void ComparePacked(JsonElement packed, Check check) => check.Fail("this trainer does not pack");

    /// <summary>Compares what the collator made of some rows.</summary>
    public abstract void CompareBatch(JsonElement batch, int[] of, TrlCollator collator, Check check);

    /// <summary>Compares one column of a row, where it is there.</summary>
    protected static void Column(JsonElement row, string name, int[]? got, string where, Check check)
    {
        if (row.TryGetProperty(name, out var expected))
            check.Same(RowsKind.Ints(expected), got ?? [], $"{where} {name}");
        else if (got is not null)
            check.Fail($"{where} has {name}, which TRL leaves out");
    }
}

/// <summary>Rows for supervised fine-tuning.</summary>
internal sealed class SupervisedRows(IReadOnlyList<TokenizedExample?> examples, IReadOnlyList<PackedRow> packs, bool joined) : PreparedRows
{
    /// <inheritdoc/>
    public override void CompareRows(JsonElement rows, Check check)
    {
        check.Equal(rows.GetArrayLength(), examples.Count, "rows");
        foreach (var row in rows.EnumerateArray())
        {
            var index = row.GetProperty("row").GetInt32();
            var example = examples[index];
            var dropped = row.TryGetProperty("dropped", out _);
            check.Equal(dropped, example is null, $"row {index} dropped");
            if (dropped || example is null)
                continue;
            Column(row, "input_ids", example.Tokens, $"row {index}", check);
            Column(row, "labels", example.Labels, $"row {index}", check);
        }
    }

    /// <inheritdoc/>
    public override void ComparePacked(JsonElement packed, Check check)
    {
        check.Equal(packed.GetArrayLength(), packs.Count, "packed rows");
        for (var i = 0; i < Math.Min(packs.Count, packed.GetArrayLength()); i++)
        {
            Column(packed[i], "input_ids", packs[i].Tokens, $"packed {i}", check);
            Column(packed[i], "labels", packs[i].Labels, $"packed {i}", check);
            Column(packed[i], "seq_lengths", packs[i].Lengths, $"packed {i}", check);
        }
    }

    /// <inheritdoc/>
    public override void CompareBatch(JsonElement batch, int[] of, TrlCollator collator, Check check)
    {
        IReadOnlyList<TokenizedExample> rows = packs.Count > 0
            ? [.. of.Select(pack => new TokenizedExample(packs[pack].Tokens, packs[pack].Labels, "rows.json", pack))]
            : [.. of.Select(row => examples[row]!)];
        if (!joined)
            collator.Padded(rows);
        else if (packs.Count == 0)
            collator.Joined([.. rows.Select(row => (row.Tokens, row.Labels))]);
        else
            collator.Joined([.. of.SelectMany(pack => Documents(packs[pack]))]);
    }

    private static IEnumerable<(int[] Tokens, int[] Labels)> Documents(PackedRow pack)
    {
        var at = 0;
        foreach (var length in pack.Lengths ?? [pack.Tokens.Length])
        {
            yield return (pack.Tokens[at..(at + length)], pack.Labels[at..(at + length)]);
            at += length;
        }
    }
}

/// <summary>Pairs of answers.</summary>
internal sealed class PreferenceRows(IReadOnlyList<PreferenceExample?> examples, PreparationOptions options) : PreparedRows
{
    /// <inheritdoc/>
    public override void CompareRows(JsonElement rows, Check check)
    {
        check.Equal(rows.GetArrayLength(), examples.Count, "rows");
        foreach (var row in rows.EnumerateArray())
        {
            var index = row.GetProperty("row").GetInt32();
            var example = examples[index];
            var dropped = row.TryGetProperty("dropped", out _);
            check.Equal(dropped, example is null, $"row {index} dropped");
            if (dropped || example is null)
                continue;
            Column(row, "prompt_ids", example.Prompt, $"row {index}", check);
            Column(row, "chosen_ids", example.Chosen, $"row {index}", check);
            Column(row, "rejected_ids", example.Rejected, $"row {index}", check);
        }
    }

    /// <inheritdoc/>
    public override void CompareBatch(JsonElement batch, int[] of, TrlCollator collator, Check check)
    {
        var pairs = of.Select(row => examples[row]!.Sides(options.MaxLength, options.KeepEnd)).ToList();
        collator.Padded([.. pairs.Select(pair => pair.Chosen), .. pairs.Select(pair => pair.Rejected)]);
    }
}

/// <summary>Wanted and unwanted answers.</summary>
internal sealed class UnpairedRows : PreparedRows
{
    private readonly List<(int Row, UnpairedExample Example)> _kept;
    private readonly int[] _dropped;
    private readonly PreparationOptions _options;

    public UnpairedRows(IReadOnlyList<(int Row, UnpairedExample? Example)> answers, int batchSize, PreparationOptions options)
    {
        _options = options;
        _dropped = [.. answers.Where(answer => answer.Example is null).Select(answer => answer.Row)];
        int[] rows = [.. answers.Where(answer => answer.Example is not null).Select(answer => answer.Row)];
        IReadOnlyList<UnpairedExample> examples = [.. answers.Select(answer => answer.Example).OfType<UnpairedExample>()];
        _kept = [.. rows.Zip(batchSize > 0 ? UnpairedPreparation.Mismatch(examples, batchSize) : examples)];
    }

    /// <inheritdoc/>
    public override void CompareRows(JsonElement rows, Check check)
    {
        check.Equal(rows.GetArrayLength(), _kept.Count + _dropped.Length, "rows");
        var at = 0;
        var dropped = new List<int>();
        foreach (var row in rows.EnumerateArray())
        {
            var index = row.GetProperty("row").GetInt32();
            if (row.TryGetProperty("dropped", out _))
            {
                dropped.Add(index);
                continue;
            }

            if (at == _kept.Count)
                break;
            var (number, example) = _kept[at++];
            check.Equal(index, number, $"row at {at - 1}");
            Column(row, "prompt_ids", example.Prompt, $"row {index}", check);
            Column(row, "completion_ids", example.Completion, $"row {index}", check);
            Column(row, "KL_completion_ids", example.Mismatched, $"row {index}", check);
            check.Equal(row.GetProperty("label").GetBoolean(), example.Label, $"row {index} label");
        }

        check.Same([.. dropped.Order()], [.. _dropped.Order()], "dropped rows");
    }

    /// <inheritdoc/>
    public override void CompareBatch(JsonElement batch, int[] of, TrlCollator collator, Check check)
    {
        var rows = new List<UnpairedExample>();
        var used = new HashSet<int>();
        foreach (var row in of)
        {
            var place = _kept.FindIndex(kept => kept.Row == row && !used.Contains(_kept.IndexOf(kept)));
            used.Add(place);
            rows.Add(_kept[place].Example);
        }

        collator.Padded([.. rows.Select(row => row.Matched(_options.MaxLength))]);
        if (rows.All(row => row.Mismatched is not null))
            collator.Padded([.. rows.Select(row => row.Mixed(_options.MaxLength)!)], "KL_");
        check.Same(RowsKind.Ints(batch.GetProperty("label")), [.. rows.Select(row => row.Label ? 1 : 0)], "labels of the batch");
    }
}
