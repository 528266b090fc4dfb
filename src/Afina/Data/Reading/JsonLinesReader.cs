namespace Afina.Data.Reading;

/// <summary>Reads JSONL: one object a line; blank lines are passed over.</summary>
internal static class JsonLinesReader
{
    public static IEnumerable<ReadResult> Read(Stream stream, int longestRow)
    {
        var lines = new Utf8Lines(stream, longestRow);
        while (Next(lines) is { } result)
            yield return result;
    }

    private static ReadResult? Next(Utf8Lines lines)
    {
        while (lines.TryRead(out var line))
        {
            if (lines.TooLong)
                return ReadResult.Bad(lines.Number, "the line is too long to be one row: check that the file is JSONL (one object a line), or split the row");
            if (line.TrimStart(" \t\r"u8).Length > 0)
                return JsonObjects.Parse(line, lines.Number);
        }

        return null;
    }
}
