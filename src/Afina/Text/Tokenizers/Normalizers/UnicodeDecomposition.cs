using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Afina.Text.Tokenizers.Normalizers;

/// <summary>Combining classes, decompositions and compositions of code points.</summary>
internal sealed class UnicodeDecomposition
{
    private static readonly Lazy<UnicodeDecomposition> Loaded = new(() => new UnicodeDecomposition());
    private const int HangulFirst = 0xAC00, Leads = 19, Vowels = 21, Trails = 28, LeadFirst = 0x1100, VowelFirst = 0x1161, TrailFirst = 0x11A7;
    private readonly Dictionary<int, byte> _classes = [];
    private readonly Dictionary<int, int[]> _canonical;
    private readonly Dictionary<int, int[]> _compatible;
    private readonly Dictionary<(int, int), int> _composites = [];

    private UnicodeDecomposition()
    {
        using var bytes = new DeflateStream(new MemoryStream(Convert.FromBase64String(UnicodeDecompositionData.Text)), CompressionMode.Decompress);
        using var reader = new StreamReader(bytes, new UTF8Encoding(false));
        var parts = reader.ReadToEnd().Split('\0');
        foreach (var entry in parts[0].Split(','))
        {
            var colon = entry.IndexOf(':');
            var ends = entry[..colon].Split('-');
            for (var c = Hex(ends[0]); c <= Hex(ends[^1]); c++)
                _classes[c] = byte.Parse(entry[(colon + 1)..], CultureInfo.InvariantCulture);
        }

        _canonical = Lines(parts[1]).ToDictionary(line => line[0], line => line[1..]);
        _compatible = Lines(parts[2]).ToDictionary(line => line[0], line => line[1..]);
        foreach (var line in Lines(parts[3]))
            _composites[(line[0], line[1])] = line[2];
    }

    public static UnicodeDecomposition Instance => Loaded.Value;

    public int ClassOf(int c) => c < 0x300 ? 0 : _classes.GetValueOrDefault(c);

    /// <summary>Adds what a code point becomes; the first is marked 0, the others 1 (see <see cref="AlignedText.Replace"/>).</summary>
    public void Decompose(int c, bool compatible, List<(int CodePoint, int Change)> output)
    {
        if (c < 0xA0)
        {
            output.Add((c, 0));
        }
        else if (c - HangulFirst is >= 0 and < Leads * Vowels * Trails and var syllable)
        {
            output.Add((LeadFirst + syllable / (Vowels * Trails), 0));
            output.Add((VowelFirst + syllable % (Vowels * Trails) / Trails, 1));
            if (syllable % Trails != 0)
                output.Add((TrailFirst + syllable % Trails, 1));
        }
        else if ((compatible && _compatible.TryGetValue(c, out var parts)) || _canonical.TryGetValue(c, out parts))
        {
            for (var i = 0; i < parts.Length; i++)
                output.Add((parts[i], i == 0 ? 0 : 1));
        }
        else
        {
            output.Add((c, 0));
        }
    }

    /// <summary>The composite of two code points, or -1.</summary>
    public int Compose(int first, int second)
    {
        if (first - LeadFirst is >= 0 and < Leads and var lead && second - VowelFirst is >= 0 and < Vowels and var vowel)
            return HangulFirst + (lead * Vowels + vowel) * Trails;
        if (first - HangulFirst is >= 0 and < Leads * Vowels * Trails and var syllable && syllable % Trails == 0 && second - TrailFirst is > 0 and < Trails and var trail)
            return first + trail;
        return _composites.GetValueOrDefault((first, second), -1);
    }

    private static IEnumerable<int[]> Lines(string text) => text.Split('\n').Select(line => line.EnumerateRunes().Select(rune => rune.Value).ToArray());

    private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
