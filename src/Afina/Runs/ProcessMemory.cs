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

    /// <summary>Gives back what is no longer used and lets the peak begin anew, where the system can (Linux).</summary>
    public static void RestartPeak()
    {
        for (var i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        try
        {
            if (OperatingSystem.IsLinux())
                File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Some containers forbid it: then the peak is that of the whole process.
        }
    }
}
