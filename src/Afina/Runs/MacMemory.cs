using System.Runtime.InteropServices;

namespace Afina.Runs;

/// <summary>Free memory on macOS.</summary>
internal static partial class MacMemory
{
    /// <summary>The kernel's own percentage of free memory (what <c>memory_pressure</c> prints) of all memory; null where it does not say.</summary>
    public static long? Free(long all)
    {
        var percent = 0;
        var size = (nuint)sizeof(int);
        return Read("kern.memorystatus_level", ref percent, ref size, 0, 0) == 0 && percent is > 0 and <= 100 ? all / 100 * percent : null;
    }

    [LibraryImport("libc", EntryPoint = "sysctlbyname", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Read(string name, ref int value, ref nuint size, nint newValue, nuint newSize);
}
