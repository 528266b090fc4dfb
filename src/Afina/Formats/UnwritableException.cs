using System.Text.RegularExpressions;

namespace Afina.Formats;

/// <summary>A file or folder could not be written: one line with its name, the reason and what to do.</summary>
internal sealed partial class UnwritableException : IOException
{
    private const int NoSpace = 28;
    private const int NoSpaceOnWindows = unchecked((int)0x80070070);

    private UnwritableException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>Whether an error is one of writing that has no such line yet.</summary>
    public static bool Covers(Exception error) => error is not UnwritableException
        && error is UnauthorizedAccessException or IOException { InnerException: null } or ArgumentOutOfRangeException { ParamName: "value" };

    /// <summary>The line for a path; temporary names become those that they stand for.</summary>
    public static UnwritableException Of(string path, Exception error) =>
        new($"{Final(path)}: cannot be written ({Reason(error)}); what was there before is as it was", error);

    private static string Reason(Exception error) => error switch
    {
        UnauthorizedAccessException => "access is denied: choose another place",
        { HResult: NoSpace or NoSpaceOnWindows } => "the disk is full: make room or choose another place",
        ArgumentOutOfRangeException => "it is larger than the file system or a limit allows",
        _ => Final(error.Message).ReplaceLineEndings(" "),
    };

    /// <summary>A temporary folder may lie in another one.</summary>
    private static string Final(string text) => Partial().Replace(Partial().Replace(text, "$1"), "$1");

    [GeneratedRegex(@"\.([^/\\]+)\.[0-9a-f]{32}\.partial")]
    private static partial Regex Partial();
}
