using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Models;
using Afina.Text.Tokenizers;

namespace Afina.Evaluation;

/// <summary>Greedy answers to many prompts, side by side; what all prompts begin with is computed once and kept in the cache.</summary>
internal sealed class GreedyAnswers(Decoder model, Adapter? adapter, DType type, Backend backend, Team team)
{
    private const int UsefulRows = 512;
    private const int MostAtOnce = 128;
    private const int CachedRows = 16384;

    /// <summary>Bytes that cached keys and values may take; at least one prompt is answered at a time.</summary>
    public long CacheBytes { get; init; } = long.MaxValue;

    /// <summary>The answer to each prompt.</summary>
    public string[] Answer(IReadOnlyList<int[]> prompts, int most, Tokenizer tokenizer, IReadOnlyList<int> ends, Action<double>? progress, CancellationToken cancellation)
    {
        var shared = CommonPrefix.Length(prompts.Select(prompt => (ReadOnlyMemory<int>)prompt));
        var longest = prompts.Max(prompt => prompt.Length) - shared + most;
        var rows = Math.Max(UsefulRows, prompts.Max(prompt => prompt.Length) - shared);
        var cached = (int)Math.Min(CachedRows, CacheBytes / (2L * model.Config.KeyValueHeads * model.Config.HeadDim * model.Config.Layers.Count * type.Bytes()) - rows);
        var lanes = Math.Clamp((cached - shared) / longest, 1, Math.Min(MostAtOnce, prompts.Count));
        var capacity = new Counts { Rows = rows, LabelledRows = lanes, Targets = 1, Segments = lanes + 1, CachedRows = shared + lanes * longest + rows };
        using var inputs = new DecoderInputs(model.Config, capacity, type);
        var program = DecoderProgram.Build(model, adapter, inputs, new DecoderOptions(DecoderUse.Logits, type, Cache: true));
        var plan = backend.Plan(program.Graph, capacity, team.Size);
        using var arena = new NativeBuffer(plan.ArenaBytes);
        var executor = new Executor(plan, backend, adapter is null ? inputs.Buffers : new Bindings(inputs.Buffers, adapter.Buffers), team, arena);
        var run = new Run(inputs, program, executor, model.Config.VocabularySize, shared, longest);
        for (var at = 0; at < shared; at += rows)
        {
            var tokens = prompts[0].AsSpan(at, Math.Min(rows, shared - at));
            executor.Run(inputs.Fill(tokens, [new Segment(0, tokens.Length, -1, at, 0, at)], [], [tokens.Length - 1]));
        }

        var answers = new string[prompts.Count];
        for (var from = 0; from < prompts.Count; from += lanes)
        {
            var group = Enumerable.Range(from, Math.Min(lanes, prompts.Count - from)).Select((number, lane) => new Lane(lane, number, [.. prompts[number].AsSpan(shared)])).ToList();
            Prefill(run, group, rows);
            var running = group.Where(lane => !ends.Contains(lane.Tokens[^1])).ToList();
            for (var made = 1; made < most && running.Count > 0; made++)
            {
                cancellation.ThrowIfCancellationRequested();
                run.Step(running, lane => lane.Tokens.Count - 1);
                running.RemoveAll(lane => ends.Contains(lane.Tokens[^1]));
            }

            foreach (var lane in group)
            {
                int[] answer = [.. lane.Tokens.Skip(prompts[lane.Number].Length - shared).Where(token => !ends.Contains(token))];
                answers[lane.Number] = tokenizer.Decode(answer, skipSpecialTokens: true).Trim();
            }

            progress?.Invoke((double)(from + group.Count) / prompts.Count);
        }

        return answers;
    }

    private static void Prefill(Run run, List<Lane> group, int rows)
    {
        for (var from = 0; from < group.Count;)
        {
            var (to, sum) = (from, 0);
            while (to < group.Count && sum + group[to].Tokens.Count <= rows)
                sum += group[to++].Tokens.Count;
            run.Step(group[from..to], _ => 0);
            from = to;
        }
    }

    /// <summary>A prompt's own part and its answer so far.</summary>
    private sealed record Lane(int Place, int Number, List<int> Tokens);

    private sealed record Run(DecoderInputs Inputs, DecoderProgram Program, Executor Executor, int Vocabulary, int Shared, int Longest)
    {
        /// <summary>Runs the tokens that are new to the cache of each lane and appends the most likely next one.</summary>
        public void Step(IReadOnlyList<Lane> lanes, Func<Lane, int> past)
        {
            var tokens = new List<int>();
            var segments = new List<Segment> { new(0, 0, -1, Shared, 0, Shared) };
            var last = new int[lanes.Count];
            for (var i = 0; i < lanes.Count; i++)
            {
                var (lane, cached) = (lanes[i], past(lanes[i]));
                segments.Add(new Segment(tokens.Count, lane.Tokens.Count - cached, 0, Shared + cached, Shared + lane.Place * Longest, cached));
                tokens.AddRange(lane.Tokens.Skip(cached));
                last[i] = tokens.Count - 1;
            }

            var counts = Inputs.Fill([.. tokens], [.. segments], [], last);
            Executor.Run(counts);
            var logits = Executor.Read<float>(Program.Logits!, counts);
            for (var i = 0; i < lanes.Count; i++)
                lanes[i].Tokens.Add(Best(logits.Slice(i * Vocabulary, Vocabulary)));
        }

        private static int Best(ReadOnlySpan<float> logits)
        {
            var best = 0;
            for (var token = 1; token < logits.Length; token++)
                best = logits[token] > logits[best] ? token : best;
            return best;
        }
    }
}
