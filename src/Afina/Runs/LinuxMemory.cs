using System.Globalization;

namespace Afina.Runs;

/// <summary>Free memory on Linux: what the kernel could give without swapping, and what the process's control groups leave.</summary>
internal static class LinuxMemory
{
    /// <summary>Bytes that are free; null where the system does not say.</summary>
    /// <param name="proc">Where proc is mounted.</param>
    /// <param name="groups">Where control groups are mounted.</param>
    public static long? Free(string proc = "/proc", string groups = "/sys/fs/cgroup")
    {
        long? free = null;
        if (Field(Path.Combine(proc, "meminfo"), "MemAvailable:") is { } kibibytes)
            free = kibibytes * 1024;
        foreach (var left in Left(proc, groups))
            free = Math.Min(free ?? left, left);
        return free;
    }

    /// <summary>What each group from the process's own upwards leaves; version 1 and 2 name the same things differently.</summary>
    private static IEnumerable<long> Left(string proc, string groups)
    {
        foreach (var line in Lines(Path.Combine(proc, "self", "cgroup")))
        {
            if (line.Split(':', 3) is not [_, var controllers, var path])
                continue;
            if (controllers.Length == 0)
            {
                foreach (var folder in Upwards(groups, path))
                {
                    if (Number(Path.Combine(folder, "memory.max")) is { } limit && Number(Path.Combine(folder, "memory.current")) is { } used)
                        yield return limit - used + (Field(Path.Combine(folder, "memory.stat"), "inactive_file") ?? 0);
                }
            }
            else if (controllers.Split(',').Contains("memory"))
            {
                foreach (var folder in Upwards(Path.Combine(groups, "memory"), path))
                {
                    if (Number(Path.Combine(folder, "memory.limit_in_bytes")) is { } limit && Number(Path.Combine(folder, "memory.usage_in_bytes")) is { } used)
                        yield return limit - used + (Field(Path.Combine(folder, "memory.stat"), "total_inactive_file") ?? 0);
                }
            }
        }
    }

    /// <summary>The folders of a group and of those above it. Inside a container the path may be one of the host's: then only the mount itself is there.</summary>
    private static IEnumerable<string> Upwards(string mount, string path)
    {
        for (var rest = path.Trim('/'); rest.Length > 0; rest = rest.Contains('/') ? rest[..rest.LastIndexOf('/')] : "")
        {
            if (Directory.Exists(Path.Combine(mount, rest)))
                yield return Path.Combine(mount, rest);
        }

        yield return mount;
    }

    private static long? Field(string file, string name) =>
        Lines(file).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).FirstOrDefault(words => words.Length > 1 && words[0] == name) is { } found ? Parse(found[1]) : null;

    private static long? Number(string file) => Lines(file).FirstOrDefault() is { } line ? Parse(line.Trim()) : null;

    /// <summary>"max", which stands for no limit, is no number.</summary>
    private static long? Parse(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string[] Lines(string file)
    {
        try
        {
            return File.Exists(file) ? File.ReadAllLines(file) : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
