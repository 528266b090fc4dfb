using System.IO.MemoryMappedFiles;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Formats;

/// <summary>A file mapped into memory, read-only: its bytes are read from the disk when they are touched.</summary>
/// <remarks>Keep the object alive (or the file undisposed) for as long as anything points into it.</remarks>
public sealed unsafe class MappedFile : IDroppablePages, IDisposable
{
    private readonly MemoryMappedFile? _map;
    private readonly MemoryMappedViewAccessor? _view;
    private bool _disposed;

    private MappedFile(string path, MemoryMappedFile? map, MemoryMappedViewAccessor? view, byte* data, long length)
    {
        Path = path;
        _map = map;
        _view = view;
        Data = data;
        Length = length;
    }

    /// <summary>Releases the mapping of a file that nobody disposed.</summary>
    ~MappedFile() => Unmap();

    /// <summary>The path as it was given.</summary>
    public string Path { get; }

    /// <summary>The file's name alone, for messages.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>The first byte; null for an empty file.</summary>
    public byte* Data { get; }

    /// <summary>The length in bytes when the file was opened.</summary>
    public long Length { get; }

    /// <summary>Maps a file.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static MappedFile Open(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1);
        var length = file.Length;
        if (length == 0)
            return new MappedFile(path, null, null, null, 0);
        var map = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        var view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        byte* data = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref data);
        return new MappedFile(path, map, view, data + view.PointerOffset, length);
    }

    /// <summary>A part of the file.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie within the file.</exception>
    public ReadOnlySpan<byte> Span(long offset, int count)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - count);
        return new ReadOnlySpan<byte>(Data + offset, count);
    }

    /// <inheritdoc/>
    public void DropPages(byte* start, long bytes)
    {
        if (!_disposed && start >= Data && bytes >= 0 && start + bytes <= Data + Length)
            MappedPages.Drop(start, bytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Unmap();
        GC.SuppressFinalize(this);
    }

    private void Unmap()
    {
        if (_disposed)
            return;
        _disposed = true;
        _view?.SafeMemoryMappedViewHandle.ReleasePointer();
        _view?.Dispose();
        _map?.Dispose();
    }
}
