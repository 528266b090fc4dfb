namespace Afina.Data.Preparation;

/// <summary>Prepares rows one after the other and decides what becomes of bad ones.</summary>
internal sealed class RowByRow(bool skipBadRows)
{
    private readonly Dictionary<UInt128, string> _seen = [];

    /// <summary>Prepares each row. A row that is refused ends the run, with how many more there are, or is skipped with a finding; a row
    /// that stood in this or an earlier set already is noted.</summary>
    public IReadOnlyList<T?> Run<T>(IReadOnlyList<Row> rows, ICollection<Finding> findings, Func<Row, T?> prepare)
        where T : class
    {
        var results = new List<T?>(rows.Count);
        InvalidDataException? first = null;
        var bad = 0;
        foreach (var row in rows)
        {
            T? result = null;
            try
            {
                result = prepare(row);
                var key = RowKeys.Of(row);
                if (!_seen.TryAdd(key, row.Where))
                    findings.Add(new Finding(FindingKind.Duplicate, row.File, row.Line, $"the same row as {_seen[key]}"));
            }
            catch (InvalidDataException error)
            {
                first ??= error;
                bad++;
                if (skipBadRows)
                    findings.Add(new Finding(FindingKind.BadRow, row.File, row.Line, error.Message.StartsWith(row.Where + ": ", StringComparison.Ordinal) ? error.Message[(row.Where.Length + 2)..] : error.Message));
            }

            results.Add(result);
        }

        if (first is not null && !skipBadRows)
            throw new InvalidDataException($"{first.Message} ({bad} of {rows.Count} rows; skip bad rows to leave {(bad == 1 ? "it" : "them")} out)", first);
        return results;
    }
}
