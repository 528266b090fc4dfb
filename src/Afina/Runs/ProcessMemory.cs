using System.Diagnostics;
using System.Globalization;

namespace Afina.Runs;

/// <summary>What the operating system says of this process's memory.</summary>
public static class ProcessMemory
{
    /// <summary>The largest resident set so far, in bytes: VmHWM on Linux, the peak working set elsewhere.</summary>
    public static long PeakBytes()
    {
        if (OperatingSystem.IsLinux() && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)) is { } line)
            return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) * 1024;
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
