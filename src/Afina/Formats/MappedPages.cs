using System.Runtime.InteropServices;

namespace Afina.Formats;

/// <summary>What the operating system is told about mapped pages. Only Linux needs telling: elsewhere clean pages are taken when memory is short.</summary>
internal static unsafe partial class MappedPages
{
    private const int DontNeed = 4;

    /// <summary>Takes the whole pages within a range out of this process; for a read-only file mapping their contents come back when read.</summary>
    public static void Drop(byte* start, long bytes)
    {
        if (!OperatingSystem.IsLinux())
            return;
        var page = (nuint)Environment.SystemPageSize;
        var from = ((nuint)start + page - 1) / page * page;
        var to = (nuint)(start + bytes) / page * page;
        if (to > from)
            _ = Advise((void*)from, to - from, DontNeed);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
