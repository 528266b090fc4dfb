using System.Text;
using Afina.Text.Tokenizers.Patterns;

namespace Afina.Text.Tokenizers.Decoders;

/// <summary>Steps in order.</summary>
internal sealed class SequenceDecoder(IReadOnlyList<Decoder> steps) : Decoder
{
    public override List<string> Apply(List<string> tokens) => steps.Aggregate(tokens, (current, step) => step.Apply(current));
}

/// <summary>Joins all tokens to one.</summary>
internal sealed class FuseDecoder : Decoder
{
    public override List<string> Apply(List<string> tokens) => [string.Concat(tokens)];
}

/// <summary>Replaces every match in every token.</summary>
internal sealed class ReplaceDecoder(Pattern pattern, string content) : Decoder
{
    public override List<string> Apply(List<string> tokens) => tokens.ConvertAll(token =>
    {
        var text = new StringBuilder(token.Length);
        var last = 0;
        pattern.Find(token, (start, end) =>
        {
            text.Append(token, last, start - last).Append(content);
            last = end;
        });
        return last == 0 && text.Length == 0 ? token : text.Append(token, last, token.Length - last).ToString();
    });
}

/// <summary>Takes up to so many copies of a character off each end of every token.</summary>
internal sealed class StripDecoder(string content, int start, int stop) : Decoder
{
    public override List<string> Apply(List<string> tokens) => tokens.ConvertAll(token =>
    {
        var text = token.AsSpan();
        for (var i = 0; i < start && text.StartsWith(content); i++)
            text = text[content.Length..];
        for (var i = 0; i < stop && text.EndsWith(content); i++)
            text = text[..^content.Length];
        return text.Length == token.Length ? token : text.ToString();
    });
}

/// <summary>The sign back to a space; in the first token it was put there and goes.</summary>
internal sealed class MetaspaceDecoder(char replacement, bool prepended) : Decoder
{
    public override List<string> Apply(List<string> tokens)
    {
        var output = new List<string>(tokens.Count);
        foreach (var token in tokens)
        {
            output.Add(output.Count == 0 && prepended
                ? token.Replace(replacement.ToString(), "", StringComparison.Ordinal)
                : token.Replace(replacement, ' '));
        }

        return output;
    }
}

/// <summary>Joins continuations, puts a space before every other token.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleanUp) : Decoder
{
    public override List<string> Apply(List<string> tokens)
    {
        var output = new List<string>(tokens.Count);
        foreach (var token in tokens)
        {
            var text = output.Count == 0 ? token : token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
            output.Add(cleanUp ? CleanUp(text) : text);
        }

        return output;
    }

    internal static string CleanUp(string text) => SpaceCleaning.Apply(text, shortenDoNot: true);
}

/// <summary>The end-of-word suffix back to a space.</summary>
internal sealed class SuffixDecoder(string suffix) : Decoder
{
    public override List<string> Apply(List<string> tokens)
    {
        if (suffix.Length == 0)
            return tokens;
        var output = new List<string>(tokens.Count);
        foreach (var token in tokens)
            output.Add(token.Replace(suffix, output.Count == tokens.Count - 1 ? "" : " ", StringComparison.Ordinal));
        return output;
    }
}

/// <summary>Connectionist temporal classification: repeats collapse, padding goes.</summary>
internal sealed class CtcDecoder(string padToken, string wordDelimiter, bool cleanUp) : Decoder
{
    public override List<string> Apply(List<string> tokens)
    {
        var output = new List<string>(tokens.Count);
        string? previous = null;
        foreach (var token in tokens)
        {
            if (token == previous)
                continue;
            previous = token;
            var text = padToken.Length == 0 ? token : token.Replace(padToken, "", StringComparison.Ordinal);
            if (cleanUp)
                text = WordPieceDecoder.CleanUp(text).Replace(wordDelimiter.Length == 0 ? " " : wordDelimiter, " ", StringComparison.Ordinal);
            if (text.Length > 0)
                output.Add(text);
        }

        return output;
    }
}

/// <summary>Takes the spaces out that word-wise decoding leaves before punctuation and English contractions.</summary>
internal static class SpaceCleaning
{
    public static string Apply(string text, bool shortenDoNot)
    {
        if (!text.Contains(' '))
            return text;
        text = text.Replace(" .", ".", StringComparison.Ordinal).Replace(" ?", "?", StringComparison.Ordinal).Replace(" !", "!", StringComparison.Ordinal)
            .Replace(" ,", ",", StringComparison.Ordinal).Replace(" ' ", "'", StringComparison.Ordinal).Replace(" n't", "n't", StringComparison.Ordinal)
            .Replace(" 'm", "'m", StringComparison.Ordinal);
        if (shortenDoNot)
            text = text.Replace(" do not", " don't", StringComparison.Ordinal);
        return text.Replace(" 's", "'s", StringComparison.Ordinal).Replace(" 've", "'ve", StringComparison.Ordinal).Replace(" 're", "'re", StringComparison.Ordinal);
    }
}
