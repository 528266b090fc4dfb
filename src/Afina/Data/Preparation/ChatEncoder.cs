using System.Text.Json.Nodes;
using Afina.Text.Templates;
using Afina.Text.Tokenizers;

namespace Afina.Data.Preparation;

/// <summary>What a recipe changes about a model's tokenizer and template.</summary>
internal sealed record ChatEncoderOptions
{
    /// <summary>A chat template instead of the model's.</summary>
    public string? Template { get; init; }

    /// <summary>An end-of-sequence token instead of the tokenizer's.</summary>
    public string? EndText { get; init; }

    /// <summary>The time that templates print; one for the whole run.</summary>
    public DateTime Now { get; init; } = DateTime.Now;
}

/// <summary>Encodes rows with a model's own tokenizer and chat template.</summary>
internal sealed class ChatEncoder : RowEncoder
{
    private const int LongestSpecial = 64;

    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate? _template;
    private readonly ChatEncoderOptions _options;
    private readonly Dictionary<string, JsonNode?> _variables = [];

    /// <exception cref="InvalidDataException">The end-of-sequence token of the options is not in the vocabulary.</exception>
    /// <exception cref="FormatException">The template is malformed.</exception>
    public ChatEncoder(Tokenizer tokenizer, ChatEncoderOptions options)
    {
        _tokenizer = tokenizer;
        _options = options;
        if (options.EndText is { } end && tokenizer.IdOf(end) is null)
            throw new InvalidDataException($"eos_token '{end}' is not in the model's vocabulary: choose a token that is");
        if ((options.Template ?? tokenizer.ChatTemplateSource) is { Length: > 0 } source)
            _template = ChatTemplate.Parse(source, "chat_template");
        foreach (var (name, token) in ((string, string?)[])[("bos_token", tokenizer.BosToken), ("eos_token", EndText), ("pad_token", tokenizer.PadToken ?? EndText), ("unk_token", tokenizer.UnkToken)])
        {
            if (token is not null)
                _variables[name] = token;
        }
    }

    /// <inheritdoc/>
    public override string? EndText => _options.EndText ?? _tokenizer.EosToken;

    /// <inheritdoc/>
    public override int? BeginToken => _tokenizer.BosId;

    /// <inheritdoc/>
    public override bool HasTemplate => _template is not null;

    /// <inheritdoc/>
    public override bool HasGeneration => _template is { HasGeneration: true };

    /// <summary>The end-of-sequence token, or null.</summary>
    public int? EndToken => EndText is { } end ? _tokenizer.IdOf(end) : null;

    /// <inheritdoc/>
    public override int VocabularySize => _tokenizer.VocabularySize;

    /// <inheritdoc/>
    public override bool IsSpecial(int token) => _tokenizer.IsAdded(token) || token == EndToken;

    /// <inheritdoc/>
    public override int[] Encode(string text) => _tokenizer.EncodeTruncated(text, int.MaxValue);

    /// <inheritdoc/>
    public override EncodedChat Encode(ChatRequest chat)
    {
        var rendered = Render(chat, chat.Messages, chat.AddGenerationPrompt);
        var tokens = _tokenizer.EncodeTruncated(rendered.Text, int.MaxValue, addSpecialTokens: false);
        if (!chat.WithSpans)
            return new EncodedChat(tokens, [], []);
        var encoded = _tokenizer.EncodeWithOffsets(rendered.Text, addSpecialTokens: false);
        if (encoded.Ids.Count != tokens.Length)
            throw new InvalidDataException("tokenizer.json cuts or fills up rows by itself: set its \"truncation\" and \"padding\" to null");
        IReadOnlyList<(int Start, int End)> spans = HasGeneration ? rendered.AssistantSpans
            : new AssistantSpans((messages, prompt) => Render(chat, messages, prompt).Text, chat.Messages, rendered.Text, SpecialAt).Find();
        return new EncodedChat(tokens, encoded.Utf16Offsets, spans);
    }

    private int SpecialAt(string text, int at)
    {
        var encoded = _tokenizer.EncodeWithOffsets(text.Substring(at, Math.Min(LongestSpecial, text.Length - at)), addSpecialTokens: false);
        return encoded.Ids.Count > 0 && encoded.Utf16Offsets[0].Start == 0 && IsSpecial(encoded.Ids[0]) ? encoded.Utf16Offsets[0].End : 0;
    }

    private RenderedChat Render(ChatRequest chat, JsonArray messages, bool generationPrompt)
    {
        var variables = _variables;
        var (tools, documents) = (chat.Tools, (JsonNode?)null);
        if (chat.Arguments is { } arguments)
        {
            variables = new Dictionary<string, JsonNode?>(_variables);
            foreach (var (name, value) in arguments)
            {
                if (name == "tools")
                    tools = value;
                else if (name == "documents")
                    documents = value;
                else
                    variables[name] = value;
            }
        }

        return _template!.Render(new ChatInput
        {
            Messages = messages,
            Tools = List(tools, "tools"),
            Documents = List(documents, "documents"),
            AddGenerationPrompt = generationPrompt,
            Variables = variables,
            Now = _options.Now,
        });
    }

    private static JsonArray? List(JsonNode? value, string name) => value switch
    {
        null => null,
        JsonArray list => list,
        _ => throw new FormatException($"'{name}' must be a list of objects"),
    };
}
