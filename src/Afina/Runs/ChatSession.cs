using System.Text.Json.Nodes;
using Afina.Adapters;
using Afina.Data.Preparation;
using Afina.Generation.Sampling;
using Afina.Models;

namespace Afina.Runs;

/// <summary>A conversation with a model: keeps the turns, answers with the base or with an adapter on it.</summary>
public sealed class ChatSession : IDisposable
{
    /// <summary>The name under which the base answers.</summary>
    public const string Base = "base";

    private readonly LanguageModel _model;
    private readonly Dictionary<string, (TextGenerator Generator, ChatEncoder Encoder)> _speakers = new(StringComparer.Ordinal);
    private readonly JsonArray _turns = [];
    private readonly int? _threads;
    private readonly bool? _bf16;
    private readonly ulong _seed;

    /// <summary>Opens the base.</summary>
    /// <param name="model">A model folder or a GGUF file; null: the one that comes with Afina.</param>
    /// <param name="threads">Threads; null: one per processor.</param>
    /// <param name="bf16">Whether activations are bf16; null: where the processor multiplies it.</param>
    /// <param name="seed">Seed of the choice of tokens.</param>
    public ChatSession(string? model, int? threads = null, bool? bf16 = null, ulong seed = 0)
    {
        (_threads, _bf16, _seed) = (threads, bf16, seed);
        _model = LanguageModel.Open(BaseModels.Resolve(model));
        Speaker = Base;
    }

    /// <summary>The base's name.</summary>
    public string ModelName => _model.Name;

    /// <summary>Who answers: <see cref="Base"/> or an adapter's folder.</summary>
    public string Speaker { get; private set; }

    /// <summary>The adapters that were loaded.</summary>
    public IEnumerable<string> Adapters => _speakers.Keys.Where(name => name != Base);

    /// <summary>Messages of the conversation.</summary>
    public int Turns => _turns.Count;

    /// <summary>How tokens are chosen.</summary>
    public Func<SamplingOptions, SamplingOptions> Sampling { get; set; } = options => options;

    /// <summary>Lets another answer from now on.</summary>
    /// <exception cref="InvalidDataException">The folder holds no adapter of this base.</exception>
    public void Use(string speaker)
    {
        Find(speaker);
        Speaker = speaker;
    }

    /// <summary>Forgets the conversation.</summary>
    public void Reset() => _turns.Clear();

    /// <summary>Answers what the user says; the text comes in pieces. The answer joins the conversation, also one that was stopped.</summary>
    public IEnumerable<string> Answer(string said, CancellationToken cancellation = default)
    {
        _turns.Add((JsonNode)Turn("user", said));
        var answer = "";
        try
        {
            foreach (var piece in Say(Speaker, _turns, cancellation))
            {
                answer += piece;
                yield return piece;
            }
        }
        finally
        {
            if (answer.Trim().Length > 0)
                _turns.Add((JsonNode)Turn("assistant", answer.Trim()));
            else
                _turns.RemoveAt(_turns.Count - 1);
        }
    }

    /// <summary>What one of the speakers would answer now; the conversation stays as it is.</summary>
    public IEnumerable<string> Try(string speaker, string said, CancellationToken cancellation = default) =>
        Say(speaker, [.. _turns.Select(turn => turn!.DeepClone()), Turn("user", said)], cancellation);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var speaker in _speakers.Values)
            speaker.Generator.Dispose();
        _model.Dispose();
    }

    private IEnumerable<string> Say(string speaker, JsonArray turns, CancellationToken cancellation)
    {
        var (generator, encoder) = Find(speaker);
        int[] prompt = encoder.HasTemplate
            ? encoder.Encode(new ChatRequest(turns, null, null, AddGenerationPrompt: true, WithSpans: false)).Tokens
            : generator.Encode(string.Join("\n", turns.Select(turn => turn!["content"]!.GetValue<string>())), raw: true);
        return generator.Generate(prompt, Sampling(generator.Sampling), _seed + (ulong)turns.Count, cancellation);
    }

    private (TextGenerator Generator, ChatEncoder Encoder) Find(string speaker)
    {
        if (_speakers.TryGetValue(speaker, out var known))
            return known;
        if (speaker != Base && !Directory.Exists(speaker))
            throw new FileNotFoundException($"no such adapter: {speaker}{PathHint.Of(speaker)}");
        var adapter = speaker == Base ? null : Lora.Load(_model.Decoder, speaker).Adapter;
        var tokenizer = AdapterBase.Tokenizer(adapter is null ? null : speaker);
        var generator = new TextGenerator(_model, adapter, tokenizer, _bf16 is { } bf16 ? bf16 ? Engine.Tensors.DType.BF16 : Engine.Tensors.DType.F32 : null, _threads);
        return _speakers[speaker] = (generator, new ChatEncoder(tokenizer ?? _model.Tokenizer, new ChatEncoderOptions()));
    }

    private static JsonObject Turn(string role, string content) => new() { ["role"] = role, ["content"] = content };
}
