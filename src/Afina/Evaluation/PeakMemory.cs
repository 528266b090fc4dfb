using System.Diagnostics;
using System.Globalization;

namespace Afina.Evaluation;

/// <summary>The most memory that this process had resident.</summary>
internal static class PeakMemory
{
    /// <summary>Gives back what is no longer used and lets the peak begin anew, where the system can (Linux).</summary>
    public static void Restart()
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

    /// <summary>The peak in bytes.</summary>
    public static long Bytes
    {
        get
        {
            try
            {
                if (OperatingSystem.IsLinux() && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)) is { } line)
                    return long.Parse(line.AsSpan(6).Trim().TrimEnd(" kB"), CultureInfo.InvariantCulture) * 1024;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException)
            {
                // The portable figure below is nearly as good.
            }

            return Process.GetCurrentProcess().PeakWorkingSet64;
        }
    }
}
