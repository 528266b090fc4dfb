namespace Afina.Data.Preparation;

/// <summary>Finds the tokens that stand for parts of a text.</summary>
internal static class AssistantMask
{
    /// <summary>Every token that has a character in a span.</summary>
    public static bool[] Covering(EncodedChat chat)
    {
        var mask = new bool[chat.Tokens.Length];
        foreach (var (start, end) in chat.Spans)
        {
            for (var i = 0; i < mask.Length; i++)
                mask[i] |= chat.Offsets[i].Start < end && chat.Offsets[i].End > start && chat.Offsets[i].End > chat.Offsets[i].Start;
        }

        return mask;
    }

    /// <summary>As transformers does: from the first token with a span's first character to the first token with its last one, or to the
    /// end of the row where no token has that; a first character in no token ends the search.</summary>
    public static bool[] AsTransformers(EncodedChat chat)
    {
        var mask = new bool[chat.Tokens.Length];
        foreach (var (start, end) in chat.Spans)
        {
            var first = TokenAt(chat.Offsets, start);
            if (first < 0)
                break;
            var last = TokenAt(chat.Offsets, end - 1);
            for (var i = first; i < (last > 0 ? last + 1 : mask.Length); i++)
                mask[i] = true;
        }

        return mask;
    }

    private static int TokenAt(IReadOnlyList<(int Start, int End)> offsets, int at)
    {
        for (var i = 0; i < offsets.Count; i++)
        {
            if (offsets[i].Start <= at && at < offsets[i].End)
                return i;
        }

        return -1;
    }
}
