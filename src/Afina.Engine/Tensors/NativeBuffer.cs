using System.Runtime.InteropServices;

namespace Afina.Engine.Tensors;

/// <summary>A block of memory outside the managed heap, aligned to 64 bytes and zeroed.</summary>
public sealed unsafe class NativeBuffer : IDisposable
{
    /// <summary>Buffers from this size on are whole pages of the system, which has them back when they are freed.</summary>
    private const long WholePages = 1 << 20;

    /// <summary>Allocates <paramref name="bytes"/> bytes.</summary>
    /// <exception cref="OutOfMemoryException">The system has no such block.</exception>
    public NativeBuffer(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Length = bytes;
        Pointer = IsWholePages ? LinuxPages.Map((nuint)bytes) : (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 64), 64);

        // Fresh pages are zero, but touched now they are counted now, not when a step first needs them.
        NativeMemory.Clear(Pointer, (nuint)Math.Max(bytes, 64));
    }

    /// <summary>Frees a buffer that nobody disposed.</summary>
    ~NativeBuffer() => Free();

    /// <summary>The first byte; null once disposed.</summary>
    public byte* Pointer { get; private set; }

    /// <summary>The size in bytes.</summary>
    public long Length { get; }

    /// <summary>A view of <paramref name="count"/> elements from the start.</summary>
    public Span<T> Span<T>(int count)
        where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(Pointer is null, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)count * sizeof(T), Length);
        return new Span<T>(Pointer, count);
    }

    /// <summary>A view of some bytes.</summary>
    public Span<byte> Bytes(long start, int count)
    {
        ObjectDisposedException.ThrowIf(Pointer is null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Length);
        return new Span<byte>(Pointer + start, count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private bool IsWholePages => OperatingSystem.IsLinux() && Length >= WholePages;

    private void Free()
    {
        if (Pointer is not null && IsWholePages)
            LinuxPages.Free(Pointer, (nuint)Length);
        else if (Pointer is not null)
            NativeMemory.AlignedFree(Pointer);
        Pointer = null;
    }
}
