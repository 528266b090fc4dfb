using System.Runtime.InteropServices;

namespace Afina.Engine.Cpu.Jit;

/// <summary>Executable memory on Linux: mmap, then mprotect.</summary>
internal sealed unsafe partial class LinuxMapping : IExecutableMapping
{
    private const int Read = 1, Write = 2, Execute = 4, Private = 2, Anonymous = 0x20;

    public byte* Map(nuint bytes)
    {
        var memory = MemoryMap(null, bytes, Read | Write, Private | Anonymous, -1, 0);
        return (nint)memory == -1 ? null : (byte*)memory;
    }

    public bool Seal(byte* memory, nuint bytes) => Protect(memory, bytes, Read | Execute) == 0;

    public void Unmap(byte* memory, nuint bytes) => _ = MemoryUnmap(memory, bytes);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* MemoryMap(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MemoryUnmap(void* address, nuint length);
}
