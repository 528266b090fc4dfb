using System.Text;
using System.Text.RegularExpressions;

namespace Afina.Adapters.Targeting;

/// <summary>Python's regular expressions (<c>re</c>) in .NET's: the same matches for what module expressions use.</summary>
internal sealed class PythonRegex
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private readonly Regex _regex;
    private readonly string _pattern;

    private PythonRegex(string pattern, string suffix)
    {
        _pattern = pattern;
        try
        {
            _regex = new Regex($@"\A(?:{Translate(pattern)}){suffix}", RegexOptions.CultureInvariant, Patience);
        }
        catch (ArgumentException error)
        {
            throw new FormatException($"'{pattern}' is no regular expression that Afina understands: {error.Message.ReplaceLineEndings(" ")}", error);
        }
    }

    /// <summary>Matches whole texts, as <c>re.fullmatch</c>.</summary>
    public static PythonRegex Full(string pattern) => new(pattern, @"\z");

    /// <summary>Matches beginnings of texts, as <c>re.match</c>.</summary>
    public static PythonRegex Start(string pattern) => new(pattern, "");

    public bool IsMatch(string text) => Match(text).Success;

    public Match Match(string text)
    {
        try
        {
            return _regex.Match(text);
        }
        catch (RegexMatchTimeoutException error)
        {
            throw new FormatException($"the regular expression '{_pattern}' takes too long on '{text}'; write it with fewer nested repetitions", error);
        }
    }

    /// <summary>Rewrites what differs: named groups and references, <c>\Z</c>, <c>{,n}</c>, and '[' inside a set, where .NET could see a subtraction.</summary>
    internal static string Translate(string pattern)
    {
        var result = new StringBuilder(pattern.Length + 8);
        var inSet = false;
        for (var i = 0; i < pattern.Length; i++)
        {
            var rest = pattern.AsSpan(i);
            if (pattern[i] == '\\' && i + 1 < pattern.Length)
            {
                result.Append(!inSet && pattern[i + 1] == 'Z' ? @"\z" : pattern.Substring(i, 2));
                i++;
            }
            else if (inSet)
            {
                if (pattern[i] == '[')
                    result.Append('\\');
                result.Append(pattern[i]);
                inSet = pattern[i] != ']';
            }
            else if (pattern[i] == '[')
            {
                inSet = true;
                result.Append('[');
                // A ']' that begins a set belongs to it.
                foreach (var c in "^]")
                {
                    if (i + 1 < pattern.Length && pattern[i + 1] == c)
                    {
                        result.Append(c == ']' ? @"\]" : "^");
                        i++;
                    }
                }
            }
            else if (rest.StartsWith("(?P<", StringComparison.Ordinal))
            {
                result.Append("(?<");
                i += 3;
            }
            else if (rest.StartsWith("(?P=", StringComparison.Ordinal) && rest.IndexOf(')') is > 0 and var end)
            {
                result.Append($@"\k<{rest[4..end]}>");
                i += end;
            }
            else if (rest.StartsWith("{,", StringComparison.Ordinal) && rest.Length > 2 && char.IsAsciiDigit(rest[2]))
            {
                result.Append("{0,");
                i++;
            }
            else
            {
                result.Append(pattern[i]);
            }
        }

        return result.ToString();
    }
}
