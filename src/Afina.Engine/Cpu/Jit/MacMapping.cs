using System.Runtime.InteropServices;

namespace Afina.Engine.Cpu.Jit;

/// <summary>Executable memory on macOS (Intel only: what is emitted is x86): mmap, then mprotect.</summary>
internal sealed unsafe partial class MacMapping : IExecutableMapping
{
    private const int Read = 1, Write = 2, Execute = 4, Private = 2, Anonymous = 0x1000;

    public byte* Map(nuint bytes)
    {
        var memory = MemoryMap(null, bytes, Read | Write, Private | Anonymous, -1, 0);
        return (nint)memory == -1 ? null : (byte*)memory;
    }

    public bool Seal(byte* memory, nuint bytes) => Protect(memory, bytes, Read | Execute) == 0;

    public void Unmap(byte* memory, nuint bytes) => _ = MemoryUnmap(memory, bytes);

    [LibraryImport("libSystem", EntryPoint = "mmap")]
    private static partial void* MemoryMap(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libSystem", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libSystem", EntryPoint = "munmap")]
    private static partial int MemoryUnmap(void* address, nuint length);
}
