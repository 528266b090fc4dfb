namespace Afina.Runs;

/// <summary>How much memory this process may come to hold, as its machine and its container are now.</summary>
public static class FreeMemory
{
    /// <summary>What it holds, and what is free beside; on systems that are not known, what the runtime says that there is in all.</summary>
    public static long Bytes()
    {
        var all = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var free = OperatingSystem.IsLinux() ? LinuxMemory.Free()
            : OperatingSystem.IsWindows() ? WindowsMemory.Free()
            : OperatingSystem.IsMacOS() ? MacMemory.Free(all)
            : null;
        return free is { } bytes ? Math.Min(all, bytes + ProcessMemory.OwnBytes()) : all;
    }
}
