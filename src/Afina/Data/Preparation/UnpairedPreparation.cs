using System.Text.Json.Nodes;

namespace Afina.Data.Preparation;

/// <summary>Makes wanted and unwanted answers of rows, for KTO.</summary>
internal sealed class UnpairedPreparation(RowEncoder encoder, PreparationOptions options)
{
    /// <summary>Rows that are taken apart together: datasets.map's batch.</summary>
    private const int MapBatch = 1000;

    private readonly RowTokens _tokens = new(encoder, options);
    private readonly Checks _checks = new(encoder, options);
    private readonly RowByRow _rows = new(options.SkipBadRows);

    /// <summary>Prepares rows; pairs are taken apart, all chosen answers before all rejected ones. For each answer its row's number comes
    /// with it; one that is left out is null.</summary>
    /// <exception cref="InvalidDataException">A row cannot be used.</exception>
    public IReadOnlyList<(int Row, UnpairedExample? Example)> Prepare(IReadOnlyList<Row> rows, RowFormat? named, ICollection<Finding> findings)
    {
        if (rows.Count == 0)
            return [];
        if (options.Rules == PreparationRules.Afina)
        {
            var prepared = _rows.Run(rows, findings, row => Answers(RowStandard.Of(row, named, options, encoder.HasTemplate), findings));
            return [.. Of(prepared, 1, 0), .. Of(prepared, 2, 0), .. Of(prepared, 2, 1)];
        }

        var extract = !rows[0].Columns.ContainsKey("prompt");
        var answers = rows.Select((row, i) => (Row: i, Columns: row with { Columns = extract ? ImplicitPrompt.SplitAsTrl(row) : (JsonObject)row.Columns.DeepClone() }))
            .Chunk(MapBatch).SelectMany(Apart).ToList();
        var conversational = RowFormats.IsConversational(answers[0].Columns.Columns);
        return [.. answers.Select(answer => (answer.Row, Prepare(answer.Columns, conversational, findings)))];
    }

    /// <summary>Gives each answer the one before it in its batch, the first the last one's (what TRL calls KL completions).</summary>
    public static IReadOnlyList<UnpairedExample> Mismatch(IReadOnlyList<UnpairedExample> examples, int batchSize) =>
    [
        .. examples.Chunk(batchSize).SelectMany(batch => batch.Select((example, i) => example with { Mismatched = batch[i == 0 ? ^1 : i - 1].Completion })),
    ];

    /// <summary>The answers of a row: one, or the chosen and the rejected one.</summary>
    private UnpairedExample?[] Answers(Row row, ICollection<Finding> findings) =>
        [.. Apart([(0, row)]).Select(answer => Prepare(answer.Columns, conversational: false, findings))];

    /// <summary>The answers at a place of the rows with so many.</summary>
    private static IEnumerable<(int Row, UnpairedExample? Example)> Of(IReadOnlyList<UnpairedExample?[]?> prepared, int answers, int place) =>
        prepared.Select((row, i) => (Row: i, Answers: row ?? [null])).Where(row => row.Answers.Length == answers).Select(row => (row.Row, row.Answers[place]));

    private static IEnumerable<(int Row, Row Columns)> Apart((int Row, Row Columns)[] rows)
    {
        var pairs = rows.Where(row => row.Columns.Columns.ContainsKey("chosen")).ToArray();
        return rows.Where(row => !row.Columns.Columns.ContainsKey("chosen"))
            .Concat(pairs.Select(row => (row.Row, Answer(row.Columns, "chosen", true))))
            .Concat(pairs.Select(row => (row.Row, Answer(row.Columns, "rejected", false))));
    }

    private static Row Answer(Row row, string column, bool label)
    {
        var columns = new JsonObject { ["prompt"] = row.Columns["prompt"]?.DeepClone(), ["completion"] = row.Columns[column]?.DeepClone(), ["label"] = label };
        foreach (var (key, value) in row.Columns)
        {
            if (key is not ("prompt" or "chosen" or "rejected" or "completion" or "label"))
                columns[key] = value?.DeepClone();
        }

        return row with { Columns = columns };
    }

    private UnpairedExample? Prepare(Row row, bool conversational, ICollection<Finding> findings)
    {
        var afina = options.Rules == PreparationRules.Afina;
        if (RowFormats.Label(row.Columns) is not { } label || !row.Columns.ContainsKey("completion"))
            throw row.Refuse("kto needs rows with prompt, completion and label (true or false), or with prompt, chosen and rejected");
        if (afina ? !RowFormats.IsConversational(row.Columns) : !conversational)
            row.Columns["completion"] = _tokens.WithEnd(row, row.Columns["completion"]);

        var prompt = row.Columns["prompt"];
        var alone = _tokens.Encode(row, prompt, generationPrompt: prompt is JsonArray).Tokens;
        var joint = _tokens.Joint(row, prompt, row.Columns["completion"]).Tokens;
        var from = alone.AsSpan().CommonPrefixLength(joint);
        var example = new UnpairedExample(alone[..from], joint[from..], label, null, row.File, row.Line);
        if (afina && !Check(row, example, joint, alone.Length - from, findings))
            return null;
        if (options.MaxLength is not { } limit || from < limit)
            return example;
        if (afina)
            findings.Add(new Finding(FindingKind.NothingTrained, row.File, row.Line, "the prompt alone fills sequence_len: the row is left out"));
        return null;
    }

    private bool Check(Row row, UnpairedExample example, int[] joint, int apart, ICollection<Finding> findings)
    {
        if (apart > 0)
            _checks.Boundary(row, apart, findings);
        _checks.Beginning(row, joint, findings);
        _checks.EndOfTurn(row, example.Matched(null), findings);
        return _checks.Length(row, joint.Length, findings);
    }
}
