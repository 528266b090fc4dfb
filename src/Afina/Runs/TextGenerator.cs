using System.Text.Json.Nodes;
using Afina.Data.Preparation;
using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Tensors;
using Afina.Generation;
using Afina.Generation.Sampling;
using Afina.Models;
using Afina.Text.Tokenizers;

namespace Afina.Runs;

/// <summary>Text from a model: renders a prompt with the chat template, generates, and turns tokens back into text as they come.</summary>
public sealed class TextGenerator : IDisposable
{
    private readonly Decoder _decoder;
    private readonly Adapter? _adapter;
    private readonly Tokenizer _tokenizer;
    private readonly ChatEncoder _encoder;
    private readonly SamplingOptions _defaults;
    private readonly DType _type;
    private readonly Team _team;
    private LanguageModel? _owned;

    /// <summary>Prepares a model.</summary>
    /// <param name="model">The base model.</param>
    /// <param name="adapter">An adapter, or null.</param>
    /// <param name="tokenizer">A tokenizer in the place of the model's, such as an adapter's own.</param>
    /// <param name="type">Type of the activations: F32, BF16, or null for the faster one here.</param>
    /// <param name="threads">Threads; null: one per processor.</param>
    public TextGenerator(LanguageModel model, Adapter? adapter = null, Tokenizer? tokenizer = null, DType? type = null, int? threads = null)
    {
        (_decoder, _adapter, _tokenizer) = (model.Decoder, adapter, tokenizer ?? model.Tokenizer);
        if (_tokenizer.VocabularySize > _decoder.Config.VocabularySize)
            throw new InvalidDataException($"the tokenizer has {_tokenizer.VocabularySize} tokens, but {model.Name} knows {_decoder.Config.VocabularySize}: it belongs to another model");
        _encoder = new ChatEncoder(_tokenizer, new ChatEncoderOptions());
        _defaults = Defaults(model);
        _type = type ?? (Backends.HasBf16 ? DType.BF16 : DType.F32);
        _team = new Team(threads ?? Environment.ProcessorCount);
    }

    /// <summary>Opens a model, with an adapter where one is named.</summary>
    public static TextGenerator Open(ModelRequest request)
    {
        var opened = request.Open();
        try
        {
            return new TextGenerator(opened.Model, opened.Adapter, opened.Tokenizer, request.DType is DType.F16 ? throw new FormatException("dtype must be fp32 or bf16 here") : request.DType, request.Threads) { _owned = opened.Model };
        }
        catch
        {
            opened.Model.Dispose();
            throw;
        }
    }

    /// <summary>How the model's files would have tokens chosen, under transformers' defaults.</summary>
    public SamplingOptions Sampling => _defaults;

    /// <summary>Tokens of the last prompt.</summary>
    public int PromptTokens { get; private set; }

    /// <summary>Tokens of the last answer, its end token included.</summary>
    public int AnswerTokens { get; private set; }

    /// <summary>Whether the last answer ended by an end token; otherwise it was cut.</summary>
    public bool Ended { get; private set; }

    /// <summary>The tokens of a prompt.</summary>
    /// <param name="prompt">What the user says.</param>
    /// <param name="raw">Whether it is a text to go on with, not a turn of a conversation; without a chat template it always is.</param>
    public int[] Encode(string prompt, bool raw = false) => raw || !_encoder.HasTemplate
        ? _tokenizer.Encode(prompt)
        : _encoder.Encode(new ChatRequest([new JsonObject { ["role"] = "user", ["content"] = prompt }], null, null, AddGenerationPrompt: true, WithSpans: false)).Tokens;

    /// <summary>Generates an answer; its text comes in pieces.</summary>
    /// <param name="prompt">Tokens.</param>
    /// <param name="sampling">How tokens are chosen; its end tokens end the answer.</param>
    /// <param name="seed">Seed of the choice.</param>
    /// <param name="cancellation">Ends it between two tokens.</param>
    /// <exception cref="InvalidDataException">The prompt is empty or leaves no room for an answer.</exception>
    public IEnumerable<string> Generate(int[] prompt, SamplingOptions sampling, ulong seed = 0, CancellationToken cancellation = default)
    {
        var most = _decoder.Config.MaxPositions;
        if (prompt.Length == 0)
            throw new InvalidDataException("the prompt is empty");
        if (prompt.Length >= most)
            throw new InvalidDataException($"the prompt has {prompt.Length} tokens, but the model was made for {most} with the answer: shorten it");
        return Run(prompt, sampling, seed, cancellation);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _team.Dispose();
        _owned?.Dispose();
    }

    private IEnumerable<string> Run(int[] prompt, SamplingOptions sampling, ulong seed, CancellationToken cancellation)
    {
        (PromptTokens, AnswerTokens, Ended) = (prompt.Length, 0, false);
        var context = (int)Math.Min(_decoder.Config.MaxPositions, (long)prompt.Length + (sampling.MaxNewTokens ?? 256));
        using var generator = new Generator(_decoder, _adapter, new GeneratorOptions(context, 1, _type, Math.Min(prompt.Length, 512)), Backends.Default(), _team);
        var text = _tokenizer.CreateDetokenizer(skipSpecialTokens: true);
        foreach (var token in generator.Generate([prompt], sampling, seed, cancellation))
        {
            AnswerTokens++;
            Ended = sampling.EosTokenId.Contains(token.Token);
            if (!Ended && text.Add(token.Token) is { Length: > 0 } piece)
                yield return piece;
        }

        if (text.Flush() is { Length: > 0 } rest)
            yield return rest;
    }

    private SamplingOptions Defaults(LanguageModel model)
    {
        var options = model.GenerationConfig is { } json ? GenerationConfigReader.Parse(json, "generation_config.json") : new SamplingOptions();
        var end = options.EosTokenId.Count > 0 ? options.EosTokenId : _tokenizer.EosId is { } id ? [id] : (IReadOnlyList<int>)[];
        // transformers keeps the fifty most probable tokens where the file does not say.
        var topK = options.DoSample && options.TopK == 0 && model.GenerationConfig?.TryGetProperty("top_k", out _) != true ? 50 : options.TopK;
        return options with { EosTokenId = end, TopK = topK, MaxLength = null, MaxNewTokens = options.MaxNewTokens ?? 256 };
    }
}
