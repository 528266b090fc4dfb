using System.Text;

namespace Afina.Formats;

/// <summary>Refusals of a file: one line, whatever names and values from the file it quotes.</summary>
internal static class Refusal
{
    private const int Longest = 600;

    /// <summary>The exception with a message that names the file, says what is wrong and what to do.</summary>
    public static InvalidDataException For(string message, Exception? inner = null) => new(OneLine(message), inner);

    /// <summary>The text on one line: control characters and changes of direction written out, cut where it is very long.</summary>
    private static string OneLine(string text)
    {
        var result = new StringBuilder(Math.Min(text.Length, Longest) + 1);
        foreach (var one in text.AsSpan(0, Math.Min(text.Length, Longest)))
        {
            if (char.IsControl(one) || one is '\u2028' or '\u2029' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069'))
                result.Append($"\\u{(int)one:x4}");
            else
                result.Append(one);
        }

        return text.Length > Longest ? result.Append('…').ToString() : result.ToString();
    }
}
