using System.Text.Json;
using Afina.Text.Tokenizers.Normalizers;
using Afina.Text.Tokenizers.PreTokenizers;

namespace Afina.Text.Tokenizers.Decoders;

/// <summary>A step that turns tokens back into text; the text is what the last step leaves, joined.</summary>
internal abstract class Decoder
{
    public abstract List<string> Apply(List<string> tokens);

    /// <summary>Reads the component. Throws <see cref="InvalidDataException"/> for one that is unknown or not valid.</summary>
    public static Decoder Read(JsonElement json)
    {
        switch (json.Text("type"))
        {
            case "Sequence": return new SequenceDecoder([.. json.Items("decoders").Select(Read)]);
            case "ByteLevel": return new ByteLevelDecoder();
            case "ByteFallback": return new ByteFallbackDecoder();
            case "Fuse": return new FuseDecoder();
            case "Replace": return new ReplaceDecoder(Normalizer.ReadPattern(json), json.Text("content"));
            case "Strip": return new StripDecoder(json.Text("content"), json.Count("start"), json.Count("stop"));
            case "Metaspace":
                var (replacement, scheme) = MetaspacePreTokenizer.ReadScheme(json);
                return new MetaspaceDecoder(replacement, scheme != PrependScheme.Never);
            case "WordPiece": return new WordPieceDecoder(json.Text("prefix", "##"), json.Flag("cleanup", true));
            case "BPEDecoder": return new SuffixDecoder(json.Text("suffix", "</w>"));
            case "CTC": return new CtcDecoder(json.Text("pad_token", "<pad>"), json.Text("word_delimiter_token", "|"), json.Flag("cleanup", true));
            case var other: throw new InvalidDataException($"unknown decoder \"{other}\"");
        }
    }
}
