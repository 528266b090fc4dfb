using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace Afina.Text.Templates.Values;

/// <summary>Python's upper, lower, title and the like: Unicode's full mappings, where one letter can become several.</summary>
internal static partial class Casing
{
    private static readonly FrozenDictionary<int, string> UpperSpecial = Read(UpperEntries);
    private static readonly FrozenDictionary<int, string> TitleSpecial = Read(TitleEntries);

    public static string Upper(string text) => Ascii.IsValid(text) ? text.ToUpperInvariant() : Map(text, Upper);

    public static string Lower(string text) => Ascii.IsValid(text) ? text.ToLowerInvariant() : LowerAll(text);

    /// <summary>Upper case after anything that is not a cased letter, lower case after one.</summary>
    public static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        var runes = text.EnumerateRunes().ToArray();
        for (var i = 0; i < runes.Length; i++)
            result.Append(i > 0 && IsCased(runes[i - 1]) ? LowerAt(runes, i) : TitleOne(runes[i]));
        return result.ToString();
    }

    /// <summary>The first letter in title case, the rest lower.</summary>
    public static string Capitalize(string text)
    {
        if (text.Length == 0)
            return text;
        var first = Characters.At(text, 0);
        return TitleOne(Rune.TryGetRuneAt(text, 0, out var rune) ? rune : Rune.ReplacementChar) + Lower(text)[Lower(first).Length..];
    }

    public static string SwapCase(string text) => Map(text, rune => IsUpper(rune) ? LowerOne(rune) : IsLower(rune) ? Upper(rune) : rune.ToString());

    /// <summary>Case folding: the lower case of the upper case, but Cherokee folds to its upper case and the dotless i stays.</summary>
    public static string Fold(string text) => Ascii.IsValid(text) ? text.ToLowerInvariant() : Map(text, rune => rune.Value switch
    {
        0x131 => rune.ToString(),
        0x1e9e => "ss",
        (>= 0x13a0 and <= 0x13fd) or (>= 0xab70 and <= 0xabbf) => Upper(rune),
        _ => string.Concat(Upper(rune).EnumerateRunes().Select(LowerOne)),
    });

    public static bool IsUpper(string text) => HasCased(text) && text.EnumerateRunes().All(rune => !IsCased(rune) || IsUpper(rune));

    public static bool IsLower(string text) => HasCased(text) && text.EnumerateRunes().All(rune => !IsCased(rune) || IsLower(rune));

    public static bool IsTitle(string text)
    {
        var (any, afterLetter) = (false, false);
        foreach (var rune in text.EnumerateRunes())
        {
            var begins = IsUpper(rune) || Rune.GetUnicodeCategory(rune) == UnicodeCategory.TitlecaseLetter;
            if (begins == afterLetter && IsCased(rune))
                return false;
            afterLetter = IsCased(rune);
            any |= afterLetter;
        }

        return any;
    }

    private static FrozenDictionary<int, string> Read(string entries) => entries.Split(' ').ToFrozenDictionary(entry => (int)entry[0], entry => entry[1..]);

    private static string Map(string text, Func<Rune, string> map)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            result.Append(map(rune));
        return result.ToString();
    }

    private static string LowerAll(string text)
    {
        var result = new StringBuilder(text.Length);
        var runes = text.EnumerateRunes().ToArray();
        for (var i = 0; i < runes.Length; i++)
            result.Append(LowerAt(runes, i));
        return result.ToString();
    }

    private static string LowerAt(Rune[] runes, int at) =>
        runes[at].Value == 0x3a3 ? IsFinalSigma(runes, at) ? "ς" : "σ" : LowerOne(runes[at]);

    private static bool IsFinalSigma(Rune[] runes, int at)
    {
        var before = at - 1;
        while (before >= 0 && IsIgnorable(runes[before]))
            before--;
        var after = at + 1;
        while (after < runes.Length && IsIgnorable(runes[after]))
            after++;
        return before >= 0 && IsCased(runes[before]) && (after == runes.Length || !IsCased(runes[after]));
    }

    private static string Upper(Rune rune) =>
        UpperSpecial.TryGetValue(rune.Value, out var special) ? special : UpperSimple(rune).ToString();

    private static Rune UpperSimple(Rune rune) => rune.Value switch
    {
        0x131 => new Rune('I'),
        0x17f => new Rune('S'),
        _ => Rune.ToUpperInvariant(rune),
    };

    private static string LowerOne(Rune rune) => rune.Value == 0x130 ? "i\u0307" : Rune.ToLowerInvariant(rune).ToString();

    private static string TitleOne(Rune rune) => TitleSpecial.TryGetValue(rune.Value, out var special) ? special : Upper(rune);

    private static bool HasCased(string text) => text.EnumerateRunes().Any(IsCased);

    private static bool IsCased(Rune rune) =>
        IsUpper(rune) || IsLower(rune) || Rune.GetUnicodeCategory(rune) == UnicodeCategory.TitlecaseLetter;

    /// <summary>Upper-case letters, and the numerals and circled letters of Unicode's Other_Uppercase.</summary>
    private static bool IsUpper(Rune rune) => Rune.IsUpper(rune) || rune.Value is (>= 0x2160 and <= 0x216f) or (>= 0x24b6 and <= 0x24cf);

    /// <summary>Lower-case letters, and the modifiers, numerals and circled letters of Unicode's Other_Lowercase.</summary>
    private static bool IsLower(Rune rune) => Rune.IsLower(rune) || rune.Value
        is 0xaa or 0xba or (>= 0x2b0 and <= 0x2b8) or 0x2c0 or 0x2c1 or (>= 0x2e0 and <= 0x2e4) or 0x345 or 0x37a or (>= 0x1d2c and <= 0x1d6a) or 0x1d78
        or (>= 0x1d9b and <= 0x1dbf) or 0x2071 or 0x207f or (>= 0x2090 and <= 0x209c) or (>= 0x2170 and <= 0x217f) or (>= 0x24d0 and <= 0x24e9)
        or 0x2c7c or 0x2c7d or 0xa69c or 0xa69d or 0xa770 or 0xa7f8 or 0xa7f9 or (>= 0xab5c and <= 0xab5f);

    private static bool IsIgnorable(Rune rune) => rune.Value is '\'' or '.' or ':' or '^' or '`' or 0xb7 or 0x2019 || Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol;
}
