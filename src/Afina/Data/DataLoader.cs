using Afina.Data.Ordering;
using Afina.Data.Preparation;
using Afina.Text.Tokenizers;

namespace Afina.Data;

/// <summary>Files of rows to examples: reads, holds out, prepares.</summary>
public static class DataLoader
{
    /// <summary>Examples for supervised fine-tuning.</summary>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">A row cannot be used (unless bad rows are skipped), or none can; one line names it.</exception>
    /// <exception cref="FormatException">A setting or the chat template is malformed.</exception>
    public static TrainingData<TokenizedExample> Supervised(DataRequest request, Tokenizer tokenizer)
    {
        var encoder = Encoder(request, tokenizer);
        return Load<TokenizedExample>(request,
            () =>
            {
                var preparation = new SupervisedPreparation(encoder, request.Preparation);
                return (rows, format, findings) => preparation.Prepare(rows, format, findings);
            },
            (hash, example) => Feed(hash, example.Tokens, example.Labels));
    }

    /// <summary>Pairs of answers. Exceptions as for <see cref="Supervised"/>.</summary>
    public static TrainingData<PreferenceExample> Preference(DataRequest request, Tokenizer tokenizer)
    {
        var encoder = Encoder(request, tokenizer);
        return Load<PreferenceExample>(request,
            () => new PreferencePreparation(encoder, request.Preparation).Prepare,
            (hash, example) => Feed(hash, example.Prompt, example.Chosen, example.Rejected));
    }

    /// <summary>Wanted and unwanted answers. Exceptions as for <see cref="Supervised"/>.</summary>
    public static TrainingData<UnpairedExample> Unpaired(DataRequest request, Tokenizer tokenizer)
    {
        var encoder = Encoder(request, tokenizer);
        return Load<UnpairedExample>(request,
            () =>
            {
                var preparation = new UnpairedPreparation(encoder, request.Preparation);
                return (rows, format, findings) => [.. preparation.Prepare(rows, format, findings).Select(answer => answer.Example)];
            },
            (hash, example) => Feed(hash, example.Prompt, example.Completion, [example.Label ? 1 : 0]));
    }

    private delegate IReadOnlyList<T?> Preparer<T>(IReadOnlyList<Row> rows, RowFormat? format, ICollection<Finding> findings);

    private static ChatEncoder Encoder(DataRequest request, Tokenizer tokenizer) =>
        new(tokenizer, new ChatEncoderOptions { Template = request.ChatTemplate, EndText = request.EndToken, Now = request.Now });

    private static TrainingData<T> Load<T>(DataRequest request, Func<Preparer<T>> preparer, Action<NumberHash, T> feed)
        where T : class
    {
        var findings = new List<Finding>();
        var sets = Read(request.Sources, request, findings);
        var measured = Read(request.HeldOutSources, request, findings);
        var heldRows = measured.Count > 0 || sets.Sum(set => set.Rows.Count) < request.HeldOutFrom ? [] : HeldOut.Split([.. sets.SelectMany(set => set.Rows)], request.HeldOut, request.Seed).Held.ToHashSet(ReferenceEqualityComparer.Instance);

        var (train, held) = (new List<T>(), new List<T>());
        var sources = new List<(int Count, double Weight)>();
        var (prepareTrain, prepareHeld) = (preparer(), preparer());
        foreach (var set in sets)
        {
            var before = train.Count;
            train.AddRange(prepareTrain([.. set.Rows.Where(row => !heldRows.Contains(row))], Format(set), findings).OfType<T>());
            held.AddRange(prepareHeld([.. set.Rows.Where(heldRows.Contains)], Format(set), findings).OfType<T>());
            sources.Add((train.Count - before, set.Source.Weight));
        }

        foreach (var set in measured)
            held.AddRange(prepareHeld(set.Rows, Format(set), findings).OfType<T>());
        FindLeaks(sets, measured, findings);
        if (train.Count == 0)
            throw new InvalidDataException($"{request.Sources[0].Path}: no row is left to train on{(findings.Count > 0 ? $" ({findings[^1]})" : "")}");

        var hash = new NumberHash();
        foreach (var example in train)
            feed(hash, example);
        return new TrainingData<T>(train, sources, held, sets.Concat(measured).Sum(set => set.Rows.Count), findings, hash.Value)
        {
            Formats = [.. sets.SelectMany(set => set.Rows.Select(row => Format(set) ?? RowFormats.Of(row.Columns, request.Preparation.TextField))).OfType<RowFormat>()
                .GroupBy(format => format).Select(group => (group.Key, group.Count())).OrderByDescending(group => group.Item2)],
        };
    }

    private static List<RowSet> Read(IReadOnlyList<DataSource> sources, DataRequest request, List<Finding> findings)
    {
        var sets = new List<RowSet>();
        foreach (var source in sources)
        {
            var set = RowSet.Load(source, new ReadOptions(request.Preparation.SkipBadRows));
            sets.Add(set);
            findings.AddRange(set.Findings);
        }

        return sets;
    }

    private static void FindLeaks(List<RowSet> sets, List<RowSet> measured, List<Finding> findings)
    {
        if (measured.Count == 0)
            return;
        var trained = new Dictionary<UInt128, string>();
        foreach (var row in sets.SelectMany(set => set.Rows))
            trained.TryAdd(RowKeys.Of(row), row.Where);
        foreach (var row in measured.SelectMany(set => set.Rows))
        {
            if (trained.TryGetValue(RowKeys.Of(row), out var where))
                findings.Add(new Finding(FindingKind.Leak, row.File, row.Line, $"the held-out row is also trained ({where}): the held-out loss looks better than it is"));
        }
    }

    private static RowFormat? Format(RowSet set) => set.Source.Type is { Length: > 0 } type ? RowFormats.Named(type) : null;

    private static void Feed(NumberHash hash, params ReadOnlySpan<int[]> parts)
    {
        foreach (var part in parts)
            hash.Add(part);
    }
}
