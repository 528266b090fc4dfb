using System.Text.Json.Nodes;

namespace Afina.Data.Preparation;

/// <summary>A conversation to render.</summary>
/// <param name="Messages">The messages.</param>
/// <param name="Tools">The tools, or null.</param>
/// <param name="Arguments">Further variables of the template (<c>chat_template_kwargs</c>), or null.</param>
/// <param name="AddGenerationPrompt">Whether the text ends where an answer would begin.</param>
/// <param name="WithSpans">Whether it has to be known what the assistant wrote.</param>
internal sealed record ChatRequest(JsonArray Messages, JsonNode? Tools, JsonObject? Arguments, bool AddGenerationPrompt, bool WithSpans);

/// <summary>A rendered conversation as tokens.</summary>
/// <param name="Tokens">The token ids.</param>
/// <param name="Offsets">The part of the text that each token stands for, in UTF-16 units.</param>
/// <param name="Spans">The parts of the text that the assistant wrote, its end-of-turn token with them.</param>
internal sealed record EncodedChat(int[] Tokens, IReadOnlyList<(int Start, int End)> Offsets, IReadOnlyList<(int Start, int End)> Spans);

/// <summary>What preparation needs of a tokenizer and a chat template.</summary>
internal abstract class RowEncoder
{
    /// <summary>The text of the end-of-sequence token, or null.</summary>
    public abstract string? EndText { get; }

    /// <summary>The begin-of-sequence token, or null.</summary>
    public abstract int? BeginToken { get; }

    /// <summary>Whether there is a chat template.</summary>
    public abstract bool HasTemplate { get; }

    /// <summary>Whether the template itself marks what the assistant wrote.</summary>
    public abstract bool HasGeneration { get; }

    /// <summary>One more than the largest token.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>Encodes plain text, with the special tokens that the tokenizer adds by itself.</summary>
    public abstract int[] Encode(string text);

    /// <summary>Renders and encodes a conversation; the template is the only source of special tokens.</summary>
    /// <exception cref="Exception">The template refuses the conversation.</exception>
    public abstract EncodedChat Encode(ChatRequest chat);

    /// <summary>Whether a token is a special one, as end-of-turn tokens are.</summary>
    public abstract bool IsSpecial(int token);
}
