using System.Text.Json.Nodes;
using System.Text.Unicode;
using CsvHelper;

namespace Afina.Data.Reading;

/// <summary>Reads CSV with a header row: every column is a text; cells with an array or object stay texts too.</summary>
internal static class CsvRows
{
    public static IEnumerable<ReadResult> Read(Stream stream, bool tabs, int longestRow)
    {
        CsvMalformedRecord? broken = null;
        var options = CsvReaderOptions.Default with
        {
            Separator = tabs ? '\t' : ',',
            TrackLineNumbers = true,
            MaxRecordSize = longestRow,
            IncludeValuesInExceptions = false,
            OnMalformedRecord = record => broken = record.Reason == CsvMalformedReason.StrayQuote ? broken : record,
        };
        using var reader = CsvReader.Create(stream, options, leaveOpen: false);
        var headers = Headers(reader);
        if (headers.Length == 0)
            yield break;
        if (headers.Length == 1 && headers[0].Contains(';'))
        {
            yield return ReadResult.Bad(1, "the columns are separated by semicolons: save the file with commas");
            yield break;
        }

        if (headers.Distinct(StringComparer.Ordinal).Count() < headers.Length)
        {
            yield return ReadResult.Bad(1, "two columns of the header have the same name: rename one");
            yield break;
        }

        while (true)
        {
            broken = null;
            ReadResult? failure = null;
            try
            {
                if (!reader.Read())
                    yield break;
            }
            catch (CsvFormatException error)
            {
                failure = ReadResult.Bad((int)error.LineNumber, "the record cannot be read: a quote may be open, or the record is too long");
            }

            if (failure is { } end)
            {
                yield return end;
                yield break;
            }

            var line = (int)reader.LineNumber;
            if (broken is { } record)
                yield return ReadResult.Bad(line, record.Reason == CsvMalformedReason.UnterminatedQuote
                    ? "a quote opens here and never closes, so the rest of the file reads as one cell: close it, or double the quotes inside a cell"
                    : "text follows after a cell's closing quote: double the quotes inside a cell");
            else
                yield return Convert(reader, headers, line);
        }
    }

    private static string[] Headers(CsvReader reader)
    {
        reader.ReadHeader();
        return [.. reader.Headers];
    }

    private static ReadResult Convert(CsvReader reader, string[] headers, int line)
    {
        if (reader.FieldCount != headers.Length)
            return ReadResult.Bad(line, $"{reader.FieldCount} cell{(reader.FieldCount == 1 ? "" : "s")}, but the header has {headers.Length} columns: quote cells that hold commas, and write missing cells as empty ones");
        var row = new JsonObject();
        for (var i = 0; i < headers.Length; i++)
        {
            if (!Utf8.IsValid(reader.GetSpan(i)))
                return ReadResult.Bad(line, $"column '{Words.Short(headers[i])}' is not UTF-8; if the file is Windows-1252 or Latin-1, convert it (iconv -f WINDOWS-1252 -t UTF-8)");
            row[headers[i]] = reader.GetString(i);
        }

        return ReadResult.Good(row, line);
    }
}
