using System.Runtime.InteropServices;

namespace Afina.Engine.Cpu.Jit;

/// <summary>Executable memory on Windows: VirtualAlloc, then VirtualProtect.</summary>
internal sealed unsafe partial class WindowsMapping : IExecutableMapping
{
    private const uint CommitAndReserve = 0x3000, Release = 0x8000, ReadWrite = 0x04, ExecuteRead = 0x20;

    public byte* Map(nuint bytes) => (byte*)VirtualAlloc(null, bytes, CommitAndReserve, ReadWrite);

    public bool Seal(byte* memory, nuint bytes) =>
        VirtualProtect(memory, bytes, ExecuteRead, out _) != 0 && FlushInstructionCache(-1, memory, bytes) != 0;

    public void Unmap(byte* memory, nuint bytes) => _ = VirtualFree(memory, 0, Release);

    [LibraryImport("kernel32")]
    private static partial void* VirtualAlloc(void* address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32")]
    private static partial int VirtualProtect(void* address, nuint size, uint protection, out uint old);

    [LibraryImport("kernel32")]
    private static partial int VirtualFree(void* address, nuint size, uint type);

    [LibraryImport("kernel32")]
    private static partial int FlushInstructionCache(nint process, void* address, nuint size);
}
