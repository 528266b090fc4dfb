using System.Globalization;
using System.Text;

namespace Afina.Text.Tokenizers.Patterns;

/// <summary>What the reference programs' character classes mean, over code points.</summary>
internal static class UnicodeProperties
{
    private static readonly string[] CategoryNames =
    [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co",
        "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Cn",
    ];

    private static readonly Dictionary<string, string> LongNames = new(StringComparer.Ordinal)
    {
        ["letter"] = "L",
        ["uppercaseletter"] = "Lu",
        ["lowercaseletter"] = "Ll",
        ["titlecaseletter"] = "Lt",
        ["modifierletter"] = "Lm",
        ["otherletter"] = "Lo",
        ["mark"] = "M",
        ["combiningmark"] = "M",
        ["nonspacingmark"] = "Mn",
        ["spacingmark"] = "Mc",
        ["enclosingmark"] = "Me",
        ["number"] = "N",
        ["decimalnumber"] = "Nd",
        ["letternumber"] = "Nl",
        ["othernumber"] = "No",
        ["separator"] = "Z",
        ["spaceseparator"] = "Zs",
        ["lineseparator"] = "Zl",
        ["paragraphseparator"] = "Zp",
        ["other"] = "C",
        ["control"] = "Cc",
        ["format"] = "Cf",
        ["surrogate"] = "Cs",
        ["privateuse"] = "Co",
        ["unassigned"] = "Cn",
        ["punctuation"] = "P",
        ["connectorpunctuation"] = "Pc",
        ["dashpunctuation"] = "Pd",
        ["openpunctuation"] = "Ps",
        ["closepunctuation"] = "Pe",
        ["initialpunctuation"] = "Pi",
        ["finalpunctuation"] = "Pf",
        ["otherpunctuation"] = "Po",
        ["symbol"] = "S",
        ["mathsymbol"] = "Sm",
        ["currencysymbol"] = "Sc",
        ["modifiersymbol"] = "Sk",
        ["othersymbol"] = "So",
    };

    public static UnicodeCategory Category(int c) => CharUnicodeInfo.GetUnicodeCategory(c);

    private static readonly uint Letters = Mask("L");
    private static readonly uint Punctuation = Mask("P");

    public static bool IsLetter(int c) => (Letters >> (int)Category(c) & 1) != 0;

    public static bool IsMark(int c) => Category(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    public static bool IsNumber(int c) => Category(c) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    public static bool IsPunctuation(int c) => (Punctuation >> (int)Category(c) & 1) != 0;

    public static bool IsAsciiPunctuation(int c) => c is >= 0x21 and <= 0x2F or >= 0x3A and <= 0x40 or >= 0x5B and <= 0x60 or >= 0x7B and <= 0x7E;

    /// <summary>White_Space.</summary>
    public static bool IsSpace(int c) => c < 0x10000 && char.IsWhiteSpace((char)c);

    /// <summary>Alphabetic: letters, letter numbers, and what else Unicode counts (circled letters; marks are counted by the callers).</summary>
    private static bool IsAlphabetic(int c) =>
        IsLetter(c) || Category(c) == UnicodeCategory.LetterNumber
        || c is >= 0x24B6 and <= 0x24E9 or >= 0x1F130 and <= 0x1F149 or >= 0x1F150 and <= 0x1F169 or >= 0x1F170 and <= 0x1F189;

    /// <summary>\w of Oniguruma outside of brackets: as inside, and the small numbers of Latin-1.</summary>
    public static bool IsWord(int c) => c is 0xB2 or 0xB3 or 0xB9 or 0xBC or 0xBD or 0xBE || IsWordInSet(c);

    /// <summary>\w of Rust's regex crate: as Oniguruma's inside of brackets, and the two joiners.</summary>
    public static bool IsRustWord(int c) => c is 0x200C or 0x200D || IsWordInSet(c);

    /// <summary>\w of Oniguruma inside of brackets: alphabetic, marks, decimal digits, connectors.</summary>
    public static bool IsWordInSet(int c) =>
        IsAlphabetic(c) || IsMark(c) || Category(c) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.ConnectorPunctuation;

    /// <summary>The simple case folding of a code point.</summary>
    public static int Fold(int c)
    {
        switch (c)
        {
            case 0x17F: return 's';
            case 0x212A: return 'k';
            case 0x212B: return 0xE5;
            case >= 0xD800 and <= 0xDFFF or 0x130 or 0x131: return c;
            default: return Rune.ToLowerInvariant(Rune.ToUpperInvariant(new Rune(c))).Value;
        }
    }

    /// <summary>The code points that fold to the same one, as far as simple folding knows them.</summary>
    public static int[] CaseVariants(int c)
    {
        if (c is >= 0xD800 and <= 0xDFFF)
            return [c];
        var fold = Fold(c);
        var rune = new Rune(c);
        return
        [
            c, fold, Rune.ToUpperInvariant(new Rune(fold)).Value, Rune.ToLowerInvariant(rune).Value, Rune.ToUpperInvariant(rune).Value,
            .. fold switch { 's' => [0x17F], 'k' => [0x212A], 0xE5 => [0x212B], _ => Array.Empty<int>() },
        ];
    }

    /// <summary>The set and what differs from it only in case.</summary>
    public static Func<int, bool> IgnoringCase(Func<int, bool> set) => c => Array.Exists(CaseVariants(c), set.Invoke);

    /// <summary>The predicate that \p{name} stands for, or null where the name is unknown.</summary>
    public static Func<int, bool>? Named(string name)
    {
        var plain = new string([.. name.Where(c => c is not ('_' or '-' or ' ')).Select(char.ToLowerInvariant)]);
        if (plain.StartsWith("script=", StringComparison.Ordinal) || plain.StartsWith("sc=", StringComparison.Ordinal))
            plain = plain[(plain.IndexOf('=') + 1)..];
        if (LongNames.TryGetValue(plain, out var category) || (plain.Length <= 2 && (category = CategoryNames.FirstOrDefault(n => Same(n, plain) || (plain.Length == 1 && Same(n[..1], plain)))) is not null))
            return Of(plain.Length == 1 ? category[..1] : category);
        if (Scripts.Ranges(plain) is { } ranges)
            return c => Scripts.Contains(ranges, c);
        return plain switch
        {
            "any" => _ => true,
            "ascii" => c => c < 128,
            "assigned" => c => Category(c) != UnicodeCategory.OtherNotAssigned,
            "alpha" or "alphabetic" => c => IsAlphabetic(c) || Scripts.Contains(AlphabeticMarks, c),
            "alnum" => c => IsAlphabetic(c) || Scripts.Contains(AlphabeticMarks, c) || Category(c) == UnicodeCategory.DecimalDigitNumber,
            "blank" => c => c == '\t' || Category(c) == UnicodeCategory.SpaceSeparator,
            "cntrl" => Of("Cc"),
            "digit" => Of("Nd"),
            "graph" => c => !IsSpace(c) && Category(c) is not (UnicodeCategory.Control or UnicodeCategory.OtherNotAssigned or UnicodeCategory.Surrogate),
            "print" => c => Category(c) is not (UnicodeCategory.Control or UnicodeCategory.OtherNotAssigned or UnicodeCategory.Surrogate),
            "lower" or "lowercase" => c => Category(c) == UnicodeCategory.LowercaseLetter || Scripts.Contains(OtherLowercase, c),
            "upper" or "uppercase" => c => Category(c) == UnicodeCategory.UppercaseLetter || Scripts.Contains(OtherUppercase, c),
            "punct" => IsPunctuation,
            "space" or "whitespace" => IsSpace,
            "xdigit" => c => c < 128 && char.IsAsciiHexDigit((char)c),
            "word" => IsWordInSet,
            _ => null,
        };
    }

    private static readonly (int First, int Last)[] AlphabeticMarks = Scripts.Ranges("alphabeticmarks")!;
    private static readonly (int First, int Last)[] OtherLowercase = Scripts.Ranges("otherlowercase")!;
    private static readonly (int First, int Last)[] OtherUppercase = Scripts.Ranges("otheruppercase")!;

    private static bool Same(string a, string b) => a.Equals(b, StringComparison.OrdinalIgnoreCase);

    private static Func<int, bool> Of(string category)
    {
        var mask = Mask(category);
        return c => (mask >> (int)Category(c) & 1) != 0;
    }

    /// <summary>One bit per general category: "L" all letters, "Lu" one kind.</summary>
    private static uint Mask(string category)
    {
        var mask = 0u;
        for (var i = 0; i < CategoryNames.Length; i++)
        {
            if (CategoryNames[i].StartsWith(category, StringComparison.Ordinal))
                mask |= 1u << i;
        }

        return mask;
    }
}
