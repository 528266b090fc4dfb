using System.Text.Json.Nodes;

namespace Afina.Data.Preparation;

/// <summary>Makes pairs of answers of rows, for DPO and its kin.</summary>
internal sealed class PreferencePreparation(RowEncoder encoder, PreparationOptions options)
{
    private readonly RowTokens _tokens = new(encoder, options);
    private readonly Checks _checks = new(encoder, options);
    private readonly RowByRow _rows = new(options.SkipBadRows);

    /// <summary>Prepares rows; a row that is left out is null.</summary>
    /// <exception cref="InvalidDataException">A row cannot be used.</exception>
    public IReadOnlyList<PreferenceExample?> Prepare(IReadOnlyList<Row> rows, RowFormat? named, ICollection<Finding> findings)
    {
        if (rows.Count == 0)
            return [];
        if (options.Rules == PreparationRules.Afina)
            return _rows.Run(rows, findings, row => Prepare(row, named, findings));

        var extract = !rows[0].Columns.ContainsKey("prompt");
        Row[] standard = [.. rows.Select(row => row with { Columns = extract ? ImplicitPrompt.SplitAsTrl(row) : (JsonObject)row.Columns.DeepClone() })];
        var conversational = RowFormats.IsConversational(standard[0].Columns);
        return [.. standard.Select(row => Encode(conversational ? row : WithEnd(row), null)).Select(example => Fits(example) ? example : null)];
    }

    private PreferenceExample? Prepare(Row original, RowFormat? named, ICollection<Finding> findings)
    {
        var row = RowStandard.Of(original, named, options, encoder.HasTemplate);
        if (!row.Columns.ContainsKey("chosen"))
            throw row.Refuse("preference training (rl=dpo) needs rows with chosen and rejected answers, and perhaps their prompt: add them, or leave rl out to learn from rows like this one");
        var example = Encode(RowFormats.IsConversational(row.Columns) ? row : WithEnd(row), findings);
        if (example.Chosen.AsSpan().SequenceEqual(example.Rejected))
            findings.Add(new Finding(FindingKind.SameAnswers, row.File, row.Line, "the chosen and the rejected answer are the same: the row teaches nothing"));
        var (chosen, rejected) = example.Sides(null, false);
        _checks.Beginning(row, chosen.Tokens, findings);
        _checks.EndOfTurn(row, chosen, findings);
        if (!_checks.Length(row, Math.Max(chosen.Tokens.Length, rejected.Tokens.Length), findings))
            return null;
        if (Fits(example))
            return example;
        findings.Add(new Finding(FindingKind.NothingTrained, row.File, row.Line, "the prompt alone fills sequence_len: the row is left out"));
        return null;
    }

    private bool Fits(PreferenceExample example) => options.KeepEnd || options.MaxLength is not { } limit || example.Prompt.Length < limit;

    private Row WithEnd(Row row)
    {
        row.Columns["chosen"] = _tokens.WithEnd(row, row.Columns["chosen"]);
        row.Columns["rejected"] = _tokens.WithEnd(row, row.Columns["rejected"]);
        return row;
    }

    private PreferenceExample Encode(Row row, ICollection<Finding>? findings)
    {
        var prompt = row.Columns["prompt"];
        // Answers that hold the whole conversation have an empty prompt, of which templates know nothing.
        var alone = prompt is JsonArray { Count: 0 } && options.Rules == PreparationRules.Afina
            ? []
            : _tokens.Encode(row, prompt, generationPrompt: prompt is JsonArray).Tokens;
        var chosen = _tokens.Joint(row, prompt, row.Columns["chosen"]).Tokens;
        var rejected = _tokens.Joint(row, prompt, row.Columns["rejected"]).Tokens;
        var from = Math.Min(alone.AsSpan().CommonPrefixLength(chosen), alone.AsSpan().CommonPrefixLength(rejected));
        if (from < alone.Length && findings is not null)
            _checks.Boundary(row, alone.Length - from, findings);
        return new PreferenceExample(alone[..from], chosen[from..], rejected[from..], row.File, row.Line);
    }
}
