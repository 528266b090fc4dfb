namespace Afina.Text.Tokenizers.Gguf;

/// <summary>The merges that a SentencePiece vocabulary means: every way to put a token together out of two, the token of highest score first.</summary>
internal static class GgufMerges
{
    private const int LengthLimit = 256;

    /// <summary>Equal scores (files whose converter knew none) are ordered by id, which is the order in which the tokens were learnt.</summary>
    public static IEnumerable<(string Left, string Right)> FromScores(GgufVocabulary vocabulary)
    {
        var usable = new Dictionary<string, int>(vocabulary.Tokens.Count, StringComparer.Ordinal);
        for (var id = 0; id < vocabulary.Tokens.Count; id++)
        {
            if (vocabulary.TypeOf(id) is GgufTokenType.Normal or GgufTokenType.UserDefined or GgufTokenType.Undefined or GgufTokenType.Unused)
                usable[vocabulary.Tokens[id]] = id;
        }

        var lookup = usable.GetAlternateLookup<ReadOnlySpan<char>>();
        var merges = new List<(float Score, int Id, int Split)>();
        foreach (var (token, id) in usable)
        {
            for (var split = 1; split < token.Length && token.Length <= LengthLimit; split++)
            {
                if (lookup.ContainsKey(token.AsSpan(0, split)) && lookup.ContainsKey(token.AsSpan(split)))
                    merges.Add((vocabulary.ScoreOf(id), id, split));
            }
        }

        return merges.OrderByDescending(merge => merge.Score).ThenBy(merge => merge.Id).ThenBy(merge => merge.Split)
            .Select(merge => (vocabulary.Tokens[merge.Id][..merge.Split], vocabulary.Tokens[merge.Id][merge.Split..]));
    }
}
