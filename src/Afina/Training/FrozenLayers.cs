using Afina.Data.Packing;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Models;

namespace Afina.Training;

/// <summary>The layers below everything that is trained. The rows that leave them are the same in every epoch: they are computed when they
/// are first wanted, and kept.</summary>
/// <remarks>A row's bits depend on its segment and the segments before it, not on what else is in its micro-batch; only in a micro-batch of
/// very few rows do products go another way, and such rows are neither kept nor taken. So training has the same bits as without.</remarks>
internal sealed class FrozenLayers(Executor executor, DecoderProgram program, RowCache cache, int fewRows)
{
    private readonly DecoderInputs _inputs = program.Inputs;
    private readonly int _rowBytes = (int)program.Hidden!.Bytes(new Counts { Rows = 1 });

    /// <summary>The lowest layer with a trained parameter or a random number: what enters it never changes. 0: no layer is below.</summary>
    public static int Below(Graph graph)
    {
        var changing = graph.Nodes.Where(node => !node.IsBackward && (node.Operation.IsRandom || node.Inputs.Any(input => input?.Parameter is not null)));
        return changing.Select(node => Math.Max(node.Layer, 0)).DefaultIfEmpty(0).Min();
    }

    /// <summary>Whether a row depends on nothing but the tokens before it; with some rotations it depends on the longest example beside it.</summary>
    public static bool CanKeep(DecoderConfig config) => !config.Rotaries.Any(rotary => rotary.DependsOnLength);

    /// <summary>Rows of sequences, those of equal beginnings counted once, with some more for beginnings that are cut in several ways.</summary>
    public static long DistinctRows(IEnumerable<Sequence> sequences)
    {
        var sorted = sequences.Select(sequence => sequence.Tokens).ToArray();
        Array.Sort(sorted, (a, b) => a.Span.SequenceCompareTo(b.Span));
        var rows = 0L;
        for (var i = 0; i < sorted.Length; i++)
            rows += sorted[i].Length - (i == 0 ? 0 : sorted[i].Span.CommonPrefixLength(sorted[i - 1].Span));
        return rows + rows / 8;
    }

    /// <summary>Runs the layers.</summary>
    public Executor Executor => executor;

    /// <summary>Rows that were computed so far.</summary>
    public long Computed { get; private set; }

    /// <summary>Puts the rows of a micro-batch where the program above begins.</summary>
    public void Provide(MicroBatch batch)
    {
        var hidden = _inputs.Buffers[_inputs.Hidden!].Bytes(0, batch.Tokens.Length * _rowBytes);
        if (batch.Tokens.Length <= fewRows || !IsWhole(batch))
        {
            Compute(batch).CopyTo(hidden);
            return;
        }

        var entries = new int[batch.Segments.Length];
        for (var s = 0; s < entries.Length; s++)
            entries[s] = cache.Find(Before(batch, entries, s), Tokens(batch, s));
        if (entries.Contains(RowCache.Missing))
            Add(batch, entries, hidden);
        for (var s = 0; s < entries.Length; s++)
        {
            if (entries[s] != RowCache.Missing)
                cache[entries[s]].CopyTo(hidden[(batch.Segments[s].Start * _rowBytes)..]);
        }
    }

    /// <summary>Computes the segments that are missing, with those that they see.</summary>
    private void Add(MicroBatch batch, int[] entries, Span<byte> hidden)
    {
        var wanted = new bool[entries.Length];
        for (var s = entries.Length - 1; s >= 0; s--)
        {
            wanted[s] |= entries[s] == RowCache.Missing;
            if (wanted[s] && batch.Segments[s].Parent >= 0)
                wanted[batch.Segments[s].Parent] = true;
        }

        if (batch.Segments.Where((_, s) => wanted[s]).Sum(segment => segment.Length) <= fewRows)
            Array.Fill(wanted, true);
        var (part, places) = Part(batch, wanted);
        var rows = Compute(part);
        for (var i = 0; i < places.Length; i++)
        {
            var s = places[i];
            if (entries[s] != RowCache.Missing)
                continue;
            var made = rows.Slice(part.Segments[i].Start * _rowBytes, part.Segments[i].Length * _rowBytes);
            made.CopyTo(hidden[(batch.Segments[s].Start * _rowBytes)..]);
            entries[s] = cache.Add(Before(batch, entries, s), Tokens(batch, s), made);
        }
    }

    private static (MicroBatch Part, int[] Places) Part(MicroBatch batch, bool[] wanted)
    {
        var (tokens, segments, places, placeOf) = (new List<int>(), new List<Segment>(), new List<int>(), new int[wanted.Length]);
        for (var s = 0; s < wanted.Length; s++)
        {
            if (!wanted[s])
                continue;
            var segment = batch.Segments[s];
            placeOf[s] = places.Count;
            places.Add(s);
            segments.Add(segment with { Start = tokens.Count, Parent = segment.Parent < 0 ? segment.Parent : placeOf[segment.Parent] });
            tokens.AddRange(Tokens(batch, s).Span);
        }

        return (new MicroBatch([.. tokens], [.. segments], [], [], []), [.. places]);
    }

    private ReadOnlySpan<byte> Compute(MicroBatch batch)
    {
        var counts = _inputs.Fill(batch.Tokens, batch.Segments, []);
        executor.Run(counts);
        Computed += batch.Tokens.Length;
        return executor.ReadBytes(program.Hidden!, counts);
    }

    private static ReadOnlyMemory<int> Tokens(MicroBatch batch, int segment) => batch.Tokens.AsMemory(batch.Segments[segment].Start, batch.Segments[segment].Length);

    private static int Before(MicroBatch batch, int[] entries, int segment) =>
        batch.Segments[segment].Parent < 0 ? RowCache.Nothing : entries[batch.Segments[segment].Parent];

    /// <summary>Whether the segments are all that there is, each after its parent.</summary>
    private static bool IsWhole(MicroBatch batch)
    {
        var rows = 0;
        foreach (var segment in batch.Segments)
        {
            rows += segment.Length;
            var position = segment.Parent < 0 ? 0 : batch.Segments[segment.Parent].FirstPosition + batch.Segments[segment.Parent].Length;
            if (segment.CacheLength > 0 || segment.FirstPosition != position)
                return false;
        }

        return rows == batch.Tokens.Length;
    }
}
