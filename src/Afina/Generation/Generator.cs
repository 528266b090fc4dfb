using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Generation.Sampling;
using Afina.Models;

namespace Afina.Generation;

/// <summary>A token that was generated.</summary>
/// <param name="Sequence">The number of the prompt.</param>
/// <param name="Token">The token.</param>
/// <param name="IsEnd">Whether it ends the sequence: an end token, or the last one that was allowed.</param>
public readonly record struct GeneratedToken(int Sequence, int Token, bool IsEnd);

/// <summary>How a generator is built.</summary>
/// <param name="Context">Positions of a sequence, prompt and answer together.</param>
/// <param name="Sequences">Sequences that run at the same time.</param>
/// <param name="Type">Type of the activations and the cache: F32 or BF16.</param>
/// <param name="PromptRows">Rows of a prompt that are computed at once.</param>
public sealed record GeneratorOptions(int Context, int Sequences = 1, DType Type = DType.F32, int PromptRows = 512);

/// <summary>Generates continuations: prompts in chunks (prefill), then one row per running sequence (decode), over one key/value cache.</summary>
public sealed class Generator : IDisposable
{
    private readonly DecoderInputs _inputs;
    private readonly DecoderProgram _program;
    private readonly Executor _executor;
    private readonly NativeBuffer _arena;
    private readonly GeneratorOptions _options;
    private readonly int _vocabulary;
    private readonly SamplingWorkspace _workspace;

    /// <summary>Plans and allocates the program and its cache.</summary>
    public Generator(Decoder model, Adapter? adapter, GeneratorOptions options, Backend backend, Team team)
    {
        (_options, _vocabulary) = (options, model.Config.VocabularySize);
        var rows = Math.Max(options.PromptRows, options.Sequences);
        var capacity = new Counts { Rows = rows, LabelledRows = options.Sequences, Targets = 1, Segments = options.Sequences, CachedRows = checked(options.Context * options.Sequences) };
        _inputs = new DecoderInputs(model.Config, capacity, options.Type);
        _program = DecoderProgram.Build(model, adapter, _inputs, new DecoderOptions(DecoderUse.Logits, options.Type, Cache: true));
        var plan = backend.Plan(_program.Graph, capacity, team.Size);
        _arena = new NativeBuffer(plan.ArenaBytes);
        _executor = new Executor(plan, backend, adapter is null ? _inputs.Buffers : new Bindings(_inputs.Buffers, adapter.Buffers), team, _arena);
        _workspace = new SamplingWorkspace(_vocabulary);
    }

    /// <summary>The program, so that a profile can be given to it.</summary>
    internal Executor Executor => _executor;

    /// <summary>Generates a continuation of each prompt; tokens come as they are made, sequences side by side.</summary>
    /// <param name="prompts">Token ids, none empty.</param>
    /// <param name="sampling">How tokens are chosen; its end tokens end a sequence.</param>
    /// <param name="seed">Seed of the choice; the same seed gives the same tokens for a prompt, whatever runs beside it.</param>
    /// <exception cref="ArgumentException">A prompt is empty or leaves no room for an answer.</exception>
    public IEnumerable<GeneratedToken> Generate(IReadOnlyList<int[]> prompts, SamplingOptions sampling, ulong seed = 0, CancellationToken cancellation = default)
    {
        sampling.Validate(_vocabulary);
        foreach (var prompt in prompts)
        {
            if (prompt.Length == 0)
                throw new ArgumentException("a prompt has no tokens");
            if (prompt.Length >= _options.Context)
                throw new ArgumentException($"a prompt of {prompt.Length} tokens leaves no room for an answer in a context of {_options.Context}");
        }

        return Run(prompts, sampling, seed, cancellation);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _arena.Dispose();
        _inputs.Dispose();
    }

    private IEnumerable<GeneratedToken> Run(IReadOnlyList<int[]> prompts, SamplingOptions sampling, ulong seed, CancellationToken cancellation)
    {
        var pipeline = LogitsPipeline.Create(sampling, _vocabulary);
        var ends = sampling.EosTokenId.ToHashSet();
        var running = new List<Running>();
        var free = new Stack<int>(Enumerable.Range(0, _options.Sequences).Reverse());
        var next = 0;
        while (running.Count > 0 || next < prompts.Count)
        {
            cancellation.ThrowIfCancellationRequested();
            var chosen = new List<GeneratedToken>();
            if (next < prompts.Count && free.Count > 0)
            {
                var prompt = prompts[next];
                var most = Math.Min(_options.Context - prompt.Length, sampling.MaxNewTokens ?? (sampling.MaxLength is { } length ? length - prompt.Length : int.MaxValue));
                var sequence = new Running(next++, free.Pop(), [.. prompt], prompt.Length, most, Sampler.Create(sampling, seed));
                Prefill(sequence);
                running.Add(sequence);
                chosen.Add(Choose(sequence, 0));
            }
            else
            {
                Decode(running);
                for (var i = 0; i < running.Count; i++)
                    chosen.Add(Choose(running[i], i));
            }

            foreach (var token in chosen)
            {
                if (token.IsEnd)
                {
                    var ended = running.Find(sequence => sequence.Number == token.Sequence)!;
                    running.Remove(ended);
                    free.Push(ended.Slot);
                }

                yield return token;
            }
        }

        GeneratedToken Choose(Running sequence, int row)
        {
            var logits = _executor.Read<float>(_program.Logits!, _inputs.Counts).Slice(row * _vocabulary, _vocabulary);
            var tokens = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(sequence.Tokens);
            pipeline.Apply(logits, new TokenHistory(tokens, sequence.Prompt), _workspace);
            var token = sequence.Sampler.Next(logits, sequence.Tokens.Count);
            sequence.Tokens.Add(token);
            return new GeneratedToken(sequence.Number, token, ends.Contains(token) || sequence.Tokens.Count - sequence.Prompt >= sequence.Most);
        }
    }

    private void Prefill(Running sequence)
    {
        for (var at = 0; at < sequence.Prompt; at += _options.PromptRows)
        {
            var rows = Math.Min(_options.PromptRows, sequence.Prompt - at);
            var isLast = at + rows == sequence.Prompt;
            var tokens = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(sequence.Tokens).Slice(at, rows);
            _executor.Run(_inputs.Fill(tokens, [new Segment(0, rows, -1, at, sequence.Slot * _options.Context, at)], [], isLast ? [rows - 1] : []));
        }
    }

    private void Decode(List<Running> running)
    {
        var tokens = new int[running.Count];
        var rows = new int[running.Count];
        var segments = new Segment[running.Count];
        for (var i = 0; i < running.Count; i++)
        {
            var past = running[i].Tokens.Count - 1;
            (tokens[i], rows[i]) = (running[i].Tokens[^1], i);
            segments[i] = new Segment(i, 1, -1, past, running[i].Slot * _options.Context, past);
        }

        _executor.Run(_inputs.Fill(tokens, segments, [], rows));
    }

    private sealed record Running(int Number, int Slot, List<int> Tokens, int Prompt, int Most, Sampler Sampler);
}
