namespace Afina.Data;

/// <summary>Names and texts of files in messages: strangers wrote them.</summary>
internal static class Words
{
    /// <summary>A text on one line, control characters as '?', and not longer than <paramref name="most"/>.</summary>
    public static string Short(string text, int most = 40)
    {
        var shown = text.Length > most ? text[..most] + "..." : text;
        return shown.AsSpan().IndexOfAnyInRange('\0', '\u001F') < 0 && shown.AsSpan().IndexOfAny('\u007F', '\u2028', '\u2029') < 0
            ? shown
            : string.Concat(shown.Select(character => char.IsControl(character) || character is '\u2028' or '\u2029' ? '?' : character));
    }
}
