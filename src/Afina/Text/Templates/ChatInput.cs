using System.Text.Json.Nodes;

namespace Afina.Text.Templates;

/// <summary>What a chat template is rendered with.</summary>
public sealed record ChatInput
{
    /// <summary>The conversation: objects with <c>role</c>, <c>content</c> and whatever else the template reads.</summary>
    public required IEnumerable<JsonNode?> Messages { get; init; }

    /// <summary>The tools' JSON schemas; null is the template's None, which is not the same as an empty list.</summary>
    public IEnumerable<JsonNode?>? Tools { get; init; }

    /// <summary>The documents for retrieval templates, or null.</summary>
    public IEnumerable<JsonNode?>? Documents { get; init; }

    /// <summary>Whether the text ends where the assistant's next turn begins.</summary>
    public bool AddGenerationPrompt { get; init; }

    /// <summary>The field of the last message that the text breaks off in (usually <c>content</c>), or null to close every turn.</summary>
    public string? ContinueFinalMessage { get; init; }

    /// <summary>More variables: the named special tokens, and options such as <c>enable_thinking</c>.</summary>
    public IReadOnlyDictionary<string, JsonNode?> Variables { get; init; } = new Dictionary<string, JsonNode?>();

    /// <summary>What <c>strftime_now</c> reads; pin it for texts that must be the same tomorrow.</summary>
    public DateTime Now { get; init; } = DateTime.Now;
}

/// <summary>A rendered conversation: the text, and the parts that the assistant wrote as [start, end) in UTF-16 units
/// (of templates with <c>generation</c> blocks; empty for others).</summary>
public sealed record RenderedChat(string Text, IReadOnlyList<(int Start, int End)> AssistantSpans);
