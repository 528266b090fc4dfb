using Afina.Data.Packing;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Models;

namespace Afina.Evaluation;

/// <summary>Log-probabilities of the targets of many sequences: what several have in common is computed once, within a batch as parent
/// segments, and for all of them in a key/value cache where it is long.</summary>
internal sealed class Scorer(Decoder model, Adapter? adapter, DType type, Backend backend, Team team)
{
    /// <summary>Rows of a batch: as the trainer has them, so that the same loss comes out to the last bits.</summary>
    private const int UsefulRows = 512;

    /// <summary>A shorter common beginning costs less in every batch than a cache does.</summary>
    private const int WorthCaching = 256;

    /// <summary>Sums of the log-probabilities per sequence.</summary>
    public double[] Score(IReadOnlyList<Sequence> sequences, Action<double>? progress, CancellationToken cancellation)
    {
        var common = CommonPrefix.Shared(sequences);
        var prefix = common >= WorthCaching ? sequences.First(sequence => sequence.Targets.Count > 0).Tokens[..common] : default;
        var rest = prefix.Length == 0 ? sequences : [.. sequences.Select(sequence => sequence.Targets.Count == 0 ? sequence : CommonPrefix.Without(sequence, prefix.Length))];
        var rows = Math.Max(UsefulRows, rest.Max(sequence => sequence.Tokens.Length));
        var capacity = new Counts { Rows = rows, LabelledRows = rows, Targets = 2 * rows, Segments = rows, CachedRows = prefix.Length == 0 ? 0 : prefix.Length + rows };
        using var inputs = new DecoderInputs(model.Config, capacity, type);
        var program = DecoderProgram.Build(model, adapter, inputs, new DecoderOptions(DecoderUse.Scoring, type, Cache: prefix.Length > 0));
        var plan = backend.Plan(program.Graph, capacity, team.Size);
        using var arena = new NativeBuffer(plan.ArenaBytes);
        var executor = new Executor(plan, backend, adapter is null ? inputs.Buffers : new Bindings(inputs.Buffers, adapter.Buffers), team, arena);
        for (var at = 0; at < prefix.Length; at += rows)
        {
            var tokens = prefix.Slice(at, Math.Min(rows, prefix.Length - at)).Span;
            executor.Run(inputs.Fill(tokens, [new Segment(0, tokens.Length, -1, at, 0, at)], [new Target(0, 0, 0)]));
        }

        var batches = new StepPacker(new PackingLimits(rows, Targets: rows, Segments: rows - 1)).Pack(rest);
        var sums = new double[sequences.Count];
        var done = 0;
        foreach (var batch in batches)
        {
            cancellation.ThrowIfCancellationRequested();
            var counts = inputs.Fill(batch.Tokens, prefix.Length == 0 ? batch.Segments : Behind(batch.Segments, prefix.Length), batch.Targets);
            executor.Run(counts);
            var log = executor.Read<float>(program.Scores[0], counts);
            for (var t = 0; t < log.Length; t++)
                sums[batch.Owners[t]] += log[t];
            progress?.Invoke((double)++done / batches.Count);
        }

        return sums;
    }

    /// <summary>Segments that all see the cached prefix: below a segment without rows that holds it. What they store goes nowhere that is read.</summary>
    private static Segment[] Behind(Segment[] segments, int prefix) =>
    [
        new Segment(0, 0, -1, prefix, 0, prefix),
        .. segments.Select(segment => segment with { Parent = segment.Parent + 1, FirstPosition = segment.FirstPosition + prefix, CacheStart = prefix, CacheLength = 0 }),
    ];
}
