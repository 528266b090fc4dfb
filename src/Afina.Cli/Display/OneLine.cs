using System.Text;

namespace Afina.Cli.Display;

/// <summary>Text from outside on one line, without control characters that a terminal would obey.</summary>
internal static class OneLine
{
    private const int Longest = 2000;

    /// <summary>The text on one line.</summary>
    public static string Of(string text)
    {
        var result = new StringBuilder();
        foreach (var c in text.Length > Longest ? text.AsSpan(0, Longest) : text)
        {
            if (c is '\r' or '\n' or '\t')
                result.Append(' ');
            else if (!char.IsControl(c))
                result.Append(c);
        }

        return result.ToString();
    }
}
