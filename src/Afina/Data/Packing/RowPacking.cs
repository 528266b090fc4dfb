namespace Afina.Data.Packing;

/// <summary>How documents are joined to rows of a fixed length, under TRL's names.</summary>
internal enum RowPackingStrategy
{
    /// <summary>Best fit decreasing; what is longer than a row is cut.</summary>
    Bfd,

    /// <summary>Best fit decreasing; what is longer than a row goes on as another document.</summary>
    BfdSplit,

    /// <summary>One stream of tokens, cut into rows: documents see each other.</summary>
    Wrapped,
}

/// <summary>Joins documents to rows as TRL does, for runs that must be the same as TRL's; <see cref="StepPacker"/> is Afina's own way.</summary>
internal static class RowPacking
{
    /// <summary>Documents that are packed together: datasets.map's batch.</summary>
    private const int MapBatch = 1000;

    public static IReadOnlyList<PackedRow> Pack(IReadOnlyList<TokenizedExample> examples, int rowLength, RowPackingStrategy strategy) =>
    [
        .. examples.Chunk(MapBatch).SelectMany(batch => strategy == RowPackingStrategy.Wrapped
            ? Wrap(batch, rowLength)
            : BestFit([.. Documents(batch, rowLength, split: strategy == RowPackingStrategy.BfdSplit)], rowLength)),
    ];

    private readonly record struct Document(ReadOnlyMemory<int> Tokens, ReadOnlyMemory<int> Labels);

    private static IEnumerable<Document> Documents(TokenizedExample[] examples, int rowLength, bool split)
    {
        foreach (var example in examples)
        {
            for (var from = 0; from < example.Tokens.Length; from += rowLength)
            {
                var length = Math.Min(rowLength, example.Tokens.Length - from);
                yield return new Document(example.Tokens.AsMemory(from, length), example.Labels.AsMemory(from, length));
                if (!split)
                    break;
            }
        }
    }

    private static IEnumerable<PackedRow> BestFit(Document[] documents, int rowLength)
    {
        // By space left; among rows with the same space the one that got it first is taken.
        var open = new SortedDictionary<int, Queue<List<Document>>>();
        var spaces = new SortedSet<int>();
        var rows = new List<List<Document>>();
        foreach (var document in documents.OrderByDescending(document => document.Tokens.Length))
        {
            var length = document.Tokens.Length;
            var space = rowLength;
            List<Document> row;
            if (spaces.Count > 0 && spaces.Max >= length)
            {
                space = spaces.GetViewBetween(length, rowLength).Min;
                row = open[space].Dequeue();
                if (open[space].Count == 0)
                    spaces.Remove(space);
            }
            else
            {
                row = [];
                rows.Add(row);
            }

            row.Add(document);
            var left = space - length;
            if (left == 0)
                continue;
            if (!open.TryGetValue(left, out var queue))
                open[left] = queue = new Queue<List<Document>>();
            queue.Enqueue(row);
            spaces.Add(left);
        }

        return rows.Select(row => new PackedRow(
            [.. row.SelectMany(document => document.Tokens.ToArray())],
            [.. row.SelectMany(document => document.Labels.ToArray())],
            [.. row.Select(document => document.Tokens.Length)]));
    }

    private static IEnumerable<PackedRow> Wrap(TokenizedExample[] examples, int rowLength)
    {
        int[] tokens = [.. examples.SelectMany(example => example.Tokens)];
        int[] labels = [.. examples.SelectMany(example => example.Labels)];
        for (var from = 0; from < tokens.Length; from += rowLength)
        {
            var to = Math.Min(tokens.Length, from + rowLength);
            yield return new PackedRow(tokens[from..to], labels[from..to], null);
        }
    }
}
