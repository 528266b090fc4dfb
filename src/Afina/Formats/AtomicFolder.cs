namespace Afina.Formats;

/// <summary>Folders that appear whole or not at all.</summary>
public static class AtomicFolder
{
    /// <summary>Lets <paramref name="fill"/> write into a temporary folder beside <paramref name="path"/> and renames it; when that fails
    /// (a full disk, bad data) the temporary folder is removed and what was at <paramref name="path"/> before is untouched.</summary>
    /// <param name="path">The folder to appear.</param>
    /// <param name="fill">Writes the files; its argument is the temporary folder.</param>
    /// <param name="overwrite">Whether a folder with files in it may be replaced.</param>
    /// <exception cref="IOException">The folder is there already and has files in it.</exception>
    public static void Write(string path, Action<string> fill, bool overwrite = false)
    {
        ArgumentNullException.ThrowIfNull(fill);
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        RequireFree(target, path, overwrite);
        var temporary = AtomicFile.Beside(target);
        try
        {
            Directory.CreateDirectory(temporary);
        }
        catch (Exception error) when (UnwritableException.Covers(error))
        {
            throw UnwritableException.Of(path, error);
        }

        try
        {
            fill(temporary);
            RequireFree(target, path, overwrite);
            Swap(temporary, target);
        }
        catch
        {
            if (Directory.Exists(temporary))
                Directory.Delete(temporary, recursive: true);
            throw;
        }
    }

    private static void RequireFree(string target, string path, bool overwrite)
    {
        if (File.Exists(target))
            throw new IOException($"{path}: this is a file; a folder would be written there");
        if (!overwrite && Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
            throw new IOException($"{path}: the folder has files in it already; choose another, or allow it to be replaced");
    }

    private static void Swap(string temporary, string target)
    {
        if (!Directory.Exists(target))
        {
            Directory.Move(temporary, target);
            return;
        }

        var aside = AtomicFile.Beside(target);
        Directory.Move(target, aside);
        try
        {
            Directory.Move(temporary, target);
        }
        catch
        {
            Directory.Move(aside, target);
            throw;
        }

        Directory.Delete(aside, recursive: true);
    }
}
