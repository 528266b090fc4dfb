using System.Text.Json;
using Afina.Text.Tokenizers.Patterns;

namespace Afina.Text.Tokenizers.PreTokenizers;

/// <summary>Where the sign for a space is put in front.</summary>
internal enum PrependScheme
{
    Always,
    First,
    Never,
}

/// <summary>Writes spaces as a visible sign, puts one in front, and splits before each.</summary>
internal sealed class MetaspacePreTokenizer(char replacement, PrependScheme scheme, bool split) : PreTokenizer
{
    private readonly Pattern _sign = Pattern.Literal(replacement.ToString());

    public override bool NeedsAlignment => scheme == PrependScheme.First;

    public static new MetaspacePreTokenizer Read(JsonElement json)
    {
        var (replacement, scheme) = ReadScheme(json);
        return new MetaspacePreTokenizer(replacement, scheme, json.Flag("split", true));
    }

    internal static (char Replacement, PrependScheme Scheme) ReadScheme(JsonElement json)
    {
        var replacement = json.Text("replacement", "▁");
        if (replacement.Length != 1)
            throw new InvalidDataException("Metaspace: \"replacement\" must be one character");
        var scheme = json.Text("prepend_scheme", "always") switch
        {
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            var other => throw new InvalidDataException($"Metaspace: unknown prepend_scheme \"{other}\""),
        };
        if (!json.Flag("add_prefix_space", true))
        {
            if (json.Optional("prepend_scheme") is not null && scheme != PrependScheme.Never)
                throw new InvalidDataException("Metaspace: add_prefix_space contradicts prepend_scheme");
            scheme = PrependScheme.Never;
        }

        return (replacement[0], scheme);
    }

    public override void Apply(Pieces pieces)
    {
        pieces.Rewrite((writer, text, start, end) =>
        {
            var first = text.Span[start];
            var prepend = scheme == PrependScheme.Always || (scheme == PrependScheme.First && text.StartOf(start) == 0);
            if (prepend && first != ' ' && first != replacement)
                writer.Append(replacement, start);
            for (var unit = start; unit < end; unit++)
                writer.Append(text.Span[unit] == ' ' ? replacement : text.Span[unit], unit);
        });
        if (split)
            pieces.Split(_sign, SplitBehavior.MergedWithNext, false);
    }
}
