namespace Afina.Formats;

/// <summary>Refuses early what would fill a disk late.</summary>
public static class DiskSpace
{
    /// <summary>Requires room for <paramref name="bytes"/> more on the disk of <paramref name="path"/>, which need not exist yet.</summary>
    /// <exception cref="IOException">There is less room; a system that cannot say is given the benefit of the doubt.</exception>
    public static void Require(string path, long bytes)
    {
        var folder = Path.GetFullPath(path);
        while (!Directory.Exists(folder) && Path.GetDirectoryName(folder) is { } parent)
            folder = parent;
        long free;
        try
        {
            free = new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception error) when (error is ArgumentException or IOException or UnauthorizedAccessException)
        {
            return;
        }

        if (free < bytes)
            throw new IOException($"{path}: {Mebibytes(bytes)} would be written, but the disk has room for {Mebibytes(free)}; make room or choose another disk");
    }

    private static string Mebibytes(long bytes) => FormattableString.Invariant($"{bytes / 1048576.0:F0} MiB");
}
