using System.Globalization;

namespace Afina.Cli.Display;

/// <summary>Numbers as a person reads them.</summary>
internal static class Amount
{
    /// <summary>Bytes in GB.</summary>
    public static string Gigabytes(long bytes) => (bytes / 1e9).ToString("F2", CultureInfo.InvariantCulture);

    /// <summary>A count with separators.</summary>
    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A count in M or B.</summary>
    public static string Short(long count) => count switch
    {
        >= 1_000_000_000 => (count / 1e9).ToString("0.#", CultureInfo.InvariantCulture) + " B",
        >= 1_000_000 => (count / 1e6).ToString("0", CultureInfo.InvariantCulture) + " M",
        _ => Count(count),
    };

    /// <summary>A duration: 1:09, or 2:03:09.</summary>
    public static string Clock(double seconds)
    {
        if (!double.IsFinite(seconds) || seconds < 0 || seconds > 3.6e6)
            return "-:--";
        var time = TimeSpan.FromSeconds(seconds);
        return time.TotalHours >= 1 ? $"{(int)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}" : $"{time.Minutes}:{time.Seconds:00}";
    }

    /// <summary>A duration in words.</summary>
    public static string About(double seconds) => seconds switch
    {
        < 55 => $"about {Math.Max(seconds, 1):0} s",
        < 5400 => $"about {Math.Max(seconds / 60, 1):0} min",
        _ => $"about {seconds / 3600:0.#} h",
    };
}
