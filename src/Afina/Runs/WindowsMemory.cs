using System.Runtime.InteropServices;

namespace Afina.Runs;

/// <summary>Free memory on Windows.</summary>
internal static partial class WindowsMemory
{
    /// <summary>Bytes of physical memory that can be used at once; null where the system does not say.</summary>
    public static long? Free()
    {
        var status = new Status { Length = (uint)Marshal.SizeOf<Status>() };
        return Read(ref status) ? (long)status.AvailablePhysical : null;
    }

    [LibraryImport("kernel32", EntryPoint = "GlobalMemoryStatusEx")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool Read(ref Status status);

    /// <summary>MEMORYSTATUSEX.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Status
    {
        public uint Length;
        public uint Load;
        public ulong TotalPhysical;
        public ulong AvailablePhysical;
        public ulong TotalPageFile;
        public ulong AvailablePageFile;
        public ulong TotalVirtual;
        public ulong AvailableVirtual;
        public ulong AvailableExtendedVirtual;
    }
}
