using System.Text.Json.Nodes;
using Afina.Data.Reading;

namespace Afina.Data;

/// <summary>How files are read.</summary>
/// <param name="SkipBadRows">Leaves rows that cannot be read out, with a finding each, where otherwise the first one ends the run.</param>
/// <param name="LongestRow">The most bytes that a row may have in its file.</param>
public sealed record ReadOptions(bool SkipBadRows = false, int LongestRow = 64 << 20);

/// <summary>The rows of a file, in its order.</summary>
/// <param name="Source">The file as the recipe names it.</param>
/// <param name="Rows">The rows that could be read.</param>
/// <param name="Findings">What was noticed while reading.</param>
public sealed record RowSet(DataSource Source, IReadOnlyList<Row> Rows, IReadOnlyList<Finding> Findings)
{
    /// <summary>Reads a file of rows.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">A row cannot be read (unless bad rows are skipped), or none can.</exception>
    public static RowSet Load(DataSource source, ReadOptions? options = null)
    {
        options ??= new ReadOptions();
        var rows = new List<Row>();
        var findings = new List<Finding>();
        Finding? first = null;
        var bad = 0;
        var path = source.ResolvedFile();
        foreach (var result in Read(path, options, findings))
        {
            if (result.Columns is { } columns)
            {
                rows.Add(new Row(Renamed(columns, source.Fields), path, result.Line));
                continue;
            }

            var finding = new Finding(FindingKind.BadRow, path, result.Line, result.Problem!);
            first ??= finding;
            bad++;
            if (options.SkipBadRows)
                findings.Add(finding);
        }

        if (first is not null && !options.SkipBadRows)
            throw new InvalidDataException($"{first} ({bad} of {rows.Count + bad} rows; skip bad rows to leave {(bad == 1 ? "it" : "them")} out)");
        if (rows.Count == 0)
            throw new InvalidDataException(first is null ? $"{path}: the file has no rows" : $"{first} (no row of the file can be read)");
        var kept = source.Slice(rows.Count);
        return new RowSet(source, kept.Equals(Range.All) ? rows : rows[kept], findings);
    }

    private static JsonObject Renamed(JsonObject columns, IReadOnlyDictionary<string, string>? fields)
    {
        foreach (var (standard, name) in fields ?? new Dictionary<string, string>())
        {
            if (standard != name && columns.Remove(name, out var value))
                columns[standard] = value;
        }

        return columns;
    }

    /// <summary>Reads a file's rows one by one, the bad ones as problems.</summary>
    internal static IEnumerable<ReadResult> Read(string path, ReadOptions options, ICollection<Finding> findings)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"no such file: {path}{Near(path)}", path);
        var layout = DataFile.LayoutOf(path)
            ?? throw new InvalidDataException($"{path}: rows are read from .jsonl, .json, .csv and .tsv files (and .gz of these): rename or convert the file");
        using var each = Unguarded(path, layout, options, findings).GetEnumerator();
        var line = 0;
        while (true)
        {
            try
            {
                if (!each.MoveNext())
                    yield break;
                line = each.Current.Line;
            }
            catch (Exception error) when (error is InvalidDataException or System.Text.DecoderFallbackException or OverflowException)
            {
                throw new InvalidDataException($"{path}: {(line == 0 ? "" : $"after line {line} ")}the file cannot be read ({error.Message.Split('\n')[0].TrimEnd()}): it may be damaged; write it again", error);
            }

            yield return each.Current;
        }
    }

    private static IEnumerable<ReadResult> Unguarded(string path, Layout layout, ReadOptions options, ICollection<Finding> findings)
    {
        using var stream = DataFile.Open(path, out var encoding);
        if (encoding is not null)
            findings.Add(new Finding(FindingKind.Converted, path, 0, $"the file is {encoding.WebName}; it is read as that, but UTF-8 is what other programs expect"));
        var results = layout switch
        {
            Layout.JsonLines => JsonLinesReader.Read(stream, options.LongestRow),
            Layout.Json => JsonReader.Read(stream, options.LongestRow),
            _ => CsvRows.Read(stream, path.Contains(".tsv", StringComparison.OrdinalIgnoreCase), options.LongestRow),
        };
        foreach (var result in results)
            yield return result;
    }

    private static string Near(string path)
    {
        var folder = Path.GetDirectoryName(path) is { Length: > 0 } some ? some : ".";
        return Directory.Exists(folder)
            ? NearestName.Hint(Path.GetFileName(path), Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file)).Where(name => DataFile.LayoutOf(name) is not null).Order(StringComparer.Ordinal))
            : "";
    }
}
