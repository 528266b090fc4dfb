using System.Diagnostics;
using System.Globalization;

namespace Afina.Runs;

/// <summary>What the operating system says of this process's memory.</summary>
public static class ProcessMemory
{
    /// <summary>The largest resident set so far, in bytes: VmHWM on Linux, the peak working set elsewhere.</summary>
    public static long PeakBytes() => Status("VmHWM:") ?? Of(process => process.PeakWorkingSet64);

    /// <summary>What the process holds now that no other could be given: on Linux without mapped files.</summary>
    public static long OwnBytes() => Status("RssAnon:") ?? Of(process => process.PrivateMemorySize64);

    /// <summary>Bytes on the managed heap that are in use, after a collection.</summary>
    public static long ManagedBytes() => GC.GetTotalMemory(forceFullCollection: true);

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

    private static long? Status(string field) =>
        OperatingSystem.IsLinux() && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith(field, StringComparison.Ordinal)) is { } line
            ? long.Parse(line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) * 1024 : null;

    private static long Of(Func<Process, long> size)
    {
        using var process = Process.GetCurrentProcess();
        return size(process);
    }
}
