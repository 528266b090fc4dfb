namespace Afina.Runs;

/// <summary>Suggests what a missing path was meant to be.</summary>
internal static class PathHint
{
    private const int Most = 2000;

    /// <summary>" (did you mean X?)", or nothing.</summary>
    public static string Of(string path)
    {
        try
        {
            var folder = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";
            if (!Directory.Exists(folder))
                return "";
            var names = Directory.EnumerateFileSystemEntries(folder).Take(Most).Select(entry => Path.GetFileName(entry)!).Order(StringComparer.Ordinal);
            return NearestName.Find(Path.GetFileName(path), names) is { } nearest ? $" (did you mean {(folder == "." && !path.StartsWith('.') ? nearest : Path.Combine(folder, nearest))}?)" : "";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>Requires a file or folder.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    public static void Require(string path)
    {
        if (!Path.Exists(path))
            throw new FileNotFoundException($"no such file: {path}{Of(path)}");
    }
}
