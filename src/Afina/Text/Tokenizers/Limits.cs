using System.Text.Json;

namespace Afina.Text.Tokenizers;

/// <summary>The truncation that a file turns on.</summary>
internal sealed record Truncation(int MaxLength, bool FromLeft)
{
    public static Truncation? Read(JsonElement? json)
    {
        if (json is not { } given)
            return null;
        // A second text is never given, so the strategy that cuts only that one has nothing to cut.
        return given.Text("strategy", "LongestFirst") == "OnlySecond" ? null : new Truncation(given.Count("max_length"), given.Text("direction", "Right") == "Left");
    }

    /// <summary>Cuts to what is left beside the tokens that will be added.</summary>
    public void Apply(List<TokenSpan> tokens, int added)
    {
        var keep = Math.Max(MaxLength - added, 0);
        if (tokens.Count <= keep)
            return;
        if (FromLeft)
            tokens.RemoveRange(0, tokens.Count - keep);
        else
            tokens.RemoveRange(keep, tokens.Count - keep);
    }
}

/// <summary>The padding that a file turns on.</summary>
internal sealed record Padding(int Length, int Multiple, int Id, bool Left)
{
    private const int LengthLimit = 16_777_216;

    public static Padding? Read(JsonElement? json)
    {
        if (json is not { } given)
            return null;
        // A text by itself is the longest of its batch.
        var length = given.Optional("strategy") is { ValueKind: JsonValueKind.Object } strategy ? strategy.Count("Fixed") : 0;
        var padding = new Padding(length, given.Count("pad_to_multiple_of", 0), given.Count("pad_id", 0), given.Text("direction", "Right") == "Left");
        return Math.Max(padding.Length, padding.Multiple) <= LengthLimit
            ? padding
            : throw new InvalidDataException($"padding to {Math.Max(padding.Length, padding.Multiple)} tokens is beyond the limit of {LengthLimit}");
    }

    public void Apply(List<TokenSpan> tokens)
    {
        var length = Math.Max(Length, Length > 0 ? 0 : tokens.Count);
        if (Multiple > 0 && length % Multiple > 0)
            length += Multiple - length % Multiple;
        if (tokens.Count >= length)
            return;
        var fill = Enumerable.Repeat(new TokenSpan(Id, 0, 0), length - tokens.Count);
        if (Left)
            tokens.InsertRange(0, fill);
        else
            tokens.AddRange(fill);
    }
}
