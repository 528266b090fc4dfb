using System.Text;
using System.Text.Json;

namespace Afina.Text.Tokenizers.Models;

/// <summary>A token of a piece and which UTF-8 bytes of the piece it stands for.</summary>
internal readonly record struct ModelToken(int Id, int Start, int End);

/// <summary>What turns one piece of text into tokens.</summary>
internal abstract class Model(Vocabulary vocabulary)
{
    public Vocabulary Vocabulary { get; } = vocabulary;

    /// <summary>Adds the tokens of a piece that is not empty.</summary>
    public abstract void Tokenize(ReadOnlySpan<char> piece, List<ModelToken> output);

    /// <summary>Reads the component. Throws <see cref="InvalidDataException"/> for one that is unknown or not valid.</summary>
    public static Model Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException("\"model\" must be an object");
        return (json.OptionalText("type") ?? Guess(json)) switch
        {
            "BPE" => BytePairModel.Read(json),
            "Unigram" => UnigramModel.Read(json),
            "WordPiece" => WordPieceModel.Read(json),
            "WordLevel" => WordLevelModel.Read(json),
            var other => throw new InvalidDataException($"unknown model \"{other}\""),
        };
    }

    /// <summary>Old files name no type; what they hold tells.</summary>
    private static string Guess(JsonElement json) =>
        json.Optional("merges") is not null ? "BPE"
        : json.Optional("vocab") is { ValueKind: JsonValueKind.Array } ? "Unigram"
        : json.Optional("continuing_subword_prefix") is not null ? "WordPiece"
        : "WordLevel";

    /// <summary>The ids of <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c>, -1 where a byte has none.</summary>
    protected static int[] ByteIds(Vocabulary vocabulary) => [.. Enumerable.Range(0, 256).Select(value => vocabulary.IdOf($"<0x{value:X2}>"))];

    /// <summary>Adds a text's bytes as tokens, if all of them have one.</summary>
    protected static bool TryBytes(ReadOnlySpan<char> text, int[] byteIds, List<int> output)
    {
        Span<byte> bytes = stackalloc byte[Math.Min(Encoding.UTF8.GetMaxByteCount(text.Length), 512)];
        if (text.Length > 128)
            bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        bytes = bytes[..Encoding.UTF8.GetBytes(text, bytes)];
        foreach (var value in bytes)
        {
            if (byteIds[value] < 0)
                return false;
        }

        foreach (var value in bytes)
            output.Add(byteIds[value]);
        return true;
    }
}
