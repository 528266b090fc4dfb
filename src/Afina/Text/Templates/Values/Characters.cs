using System.Globalization;

namespace Afina.Text.Templates.Values;

/// <summary>Python's text is made of code points; .NET's of UTF-16 units. Positions here are code points.</summary>
internal static class Characters
{
    /// <summary>Whether UTF-16 units and code points are not the same thing in this text.</summary>
    public static bool HasPairs(ReadOnlySpan<char> text) => text.ContainsAnyInRange('\uD800', '\uDFFF');

    /// <summary>The number of code points.</summary>
    public static int Count(string text)
    {
        if (!HasPairs(text))
            return text.Length;
        var count = 0;
        for (var i = 0; i < text.Length; i += Width(text, i))
            count++;
        return count;
    }

    /// <summary>How many units the code point at a unit has.</summary>
    public static int Width(string text, int unit) =>
        char.IsHighSurrogate(text[unit]) && unit + 1 < text.Length && char.IsLowSurrogate(text[unit + 1]) ? 2 : 1;

    /// <summary>The code point at a unit, as text.</summary>
    public static string At(string text, int unit) => text.Substring(unit, Width(text, unit));

    /// <summary>The code points, each as text.</summary>
    public static IEnumerable<string> Each(string text)
    {
        for (var i = 0; i < text.Length; i += Width(text, i))
            yield return At(text, i);
    }

    /// <summary>The first unit of every code point, and the length after them.</summary>
    public static int[] Starts(string text)
    {
        var starts = new List<int>(text.Length + 1);
        for (var i = 0; i < text.Length; i += Width(text, i))
            starts.Add(i);
        starts.Add(text.Length);
        return [.. starts];
    }

    /// <summary>The unit at which a code point begins.</summary>
    public static int Unit(string text, long index) => HasPairs(text) ? Starts(text)[index] : (int)index;

    /// <summary>The code point that begins at a unit, as a position.</summary>
    public static int Index(string text, int unit) => HasPairs(text.AsSpan(0, unit)) ? Count(text[..unit]) : unit;

    /// <summary>Compares by code points.</summary>
    public static int Compare(string a, string b)
    {
        if (!HasPairs(a) || !HasPairs(b))
        {
            if (!HasPairs(a) && !HasPairs(b))
                return string.CompareOrdinal(a, b);
        }

        var shared = a.AsSpan().CommonPrefixLength(b);
        if (shared == a.Length || shared == b.Length)
            return a.Length.CompareTo(b.Length);
        var (x, y) = (a[shared], b[shared]);
        return char.IsSurrogate(x) == char.IsSurrogate(y) ? x.CompareTo(y) : char.IsSurrogate(x) ? 1 : -1;
    }

    /// <summary>Python's white space.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    public static bool IsAllSpace(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!IsSpace(c))
                return false;
        }

        return true;
    }

    /// <summary>The length without trailing white space.</summary>
    public static int TrimmedEnd(ReadOnlySpan<char> text)
    {
        var end = text.Length;
        while (end > 0 && IsSpace(text[end - 1]))
            end--;
        return end;
    }

    /// <summary>Strips white space, or the given characters, from the chosen ends.</summary>
    public static string Strip(string text, string? characters, bool start, bool end)
    {
        var set = characters is null ? null : new HashSet<string>(Each(characters), StringComparer.Ordinal);
        var (from, to) = (0, text.Length);
        while (start && from < to && Strips(At(text, from)))
            from += Width(text, from);
        while (end && to > from)
        {
            var unit = to - 1;
            if (unit > from && char.IsLowSurrogate(text[unit]) && char.IsHighSurrogate(text[unit - 1]))
                unit--;
            if (!Strips(text[unit..to]))
                break;
            to = unit;
        }

        return from == 0 && to == text.Length ? text : text[from..to];

        bool Strips(string character) => set?.Contains(character) ?? (character.Length == 1 && IsSpace(character[0]));
    }

    /// <summary>Whether a code point may stand in a name.</summary>
    public static bool IsWord(string text, int unit) =>
        char.IsAsciiLetterOrDigit(text[unit]) || text[unit] == '_' || (text[unit] > 127 && IsAlphanumeric(text, unit));

    public static bool IsAlphanumeric(string text, int unit) =>
        IsAlphabetic(text, unit) || CharUnicodeInfo.GetNumericValue(text, unit) >= 0 || CharUnicodeInfo.GetUnicodeCategory(text, unit) == UnicodeCategory.DecimalDigitNumber;

    public static bool IsAlphabetic(string text, int unit) => CharUnicodeInfo.GetUnicodeCategory(text, unit)
        is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
        or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter;

    /// <summary>The value of a hexadecimal digit, or -1.</summary>
    public static int DigitValue(char digit) => char.IsAsciiHexDigit(digit) ? Convert.ToInt32(digit.ToString(), 16) : -1;

    /// <summary>Whether Python prints the code point as it is inside a repr.</summary>
    public static bool IsPrintable(string text, int unit) => text[unit] == ' ' || CharUnicodeInfo.GetUnicodeCategory(text, unit)
        is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);
}
