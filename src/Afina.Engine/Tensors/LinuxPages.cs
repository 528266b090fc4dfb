using System.Runtime.InteropServices;

namespace Afina.Engine.Tensors;

/// <summary>Whole pages from Linux and back: zeroed, in large pages where the system has them, and gone from the process when freed. The C
/// library's allocator would keep freed blocks of up to 32 MB, so that a buffer that was freed still counted.</summary>
internal static unsafe partial class LinuxPages
{
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;
    private const int WantLargePages = 14;

    // Blocks begin at a large page: 2 MiB on x64 and on arm64 with 4 KiB pages.
    private const nuint LargePage = 2 << 20;

    /// <summary>Maps pages that hold <paramref name="bytes"/>.</summary>
    /// <exception cref="OutOfMemoryException">The system has none.</exception>
    public static byte* Map(nuint bytes)
    {
        var whole = Whole(bytes);
        var data = Map(null, whole + LargePage, ReadWrite, PrivateAnonymous, -1, 0);
        if (data == (byte*)-1)
            throw new OutOfMemoryException($"the system has no {bytes} bytes");
        var start = (byte*)(((nuint)data + LargePage - 1) / LargePage * LargePage);
        var before = (nuint)(start - data);
        if (before > 0)
            _ = Unmap(data, before);
        if (before < LargePage)
            _ = Unmap(start + whole, LargePage - before);
        _ = Advise(start, bytes / LargePage * LargePage, WantLargePages);
        return start;
    }

    /// <summary>Gives pages back.</summary>
    public static void Free(byte* data, nuint bytes) => _ = Unmap(data, Whole(bytes));

    private static nuint Whole(nuint bytes)
    {
        var page = (nuint)Environment.SystemPageSize;
        return (bytes + page - 1) / page * page;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial byte* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
