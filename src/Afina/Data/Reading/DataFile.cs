using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Afina.Data.Reading;

/// <summary>How the rows of a file are written.</summary>
internal enum Layout
{
    JsonLines,
    Json,
    Csv,
}

/// <summary>Opens a data file as a stream of UTF-8: unpacks gzip, honours byte order marks.</summary>
internal static class DataFile
{
    private static readonly (string Ending, Layout Layout)[] Endings =
        [(".jsonl", Layout.JsonLines), (".ndjson", Layout.JsonLines), (".json", Layout.Json), (".csv", Layout.Csv), (".tsv", Layout.Csv)];

    /// <summary>The layout that a file's name promises, or null.</summary>
    public static Layout? LayoutOf(string path)
    {
        var name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        foreach (var (ending, layout) in Endings)
        {
            if (name.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
                return layout;
        }

        return null;
    }

    /// <summary>Opens the file; <paramref name="encoding"/> is what it was converted from, or null for UTF-8.</summary>
    public static Stream Open(string path, out Encoding? encoding)
    {
        Span<byte> head = stackalloc byte[3];
        int count;
        using (var sniffed = Unpacked(path))
            count = sniffed.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        head = head[..count];

        (var mark, encoding) = head switch
        {
            [0xEF, 0xBB, 0xBF] => (3, null),
            [0xFF, 0xFE, ..] => (2, new UnicodeEncoding(bigEndian: false, byteOrderMark: false, throwOnInvalidBytes: true)),
            [0xFE, 0xFF, ..] => (2, new UnicodeEncoding(bigEndian: true, byteOrderMark: false, throwOnInvalidBytes: true)),
            _ => (0, (Encoding?)null),
        };
        var stream = Unpacked(path);
        stream.ReadExactly(head[..mark]);
        return encoding is null ? stream : Encoding.CreateTranscodingStream(stream, encoding, new UTF8Encoding(false));
    }

    private static Stream Unpacked(string path)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        Span<byte> magic = stackalloc byte[2];
        var packed = file.ReadAtLeast(magic, 2, throwOnEndOfStream: false) == 2 && magic[0] == 0x1F && magic[1] == 0x8B;
        file.Position = 0;
        return packed ? new WholeGzip(file) : file;
    }

    /// <summary>Gzip that notices a file cut off before its end, which <see cref="GZipStream"/> reads as a shorter one.</summary>
    private sealed class WholeGzip(FileStream file) : GZipStream(file, CompressionMode.Decompress)
    {
        private long _read;

        public override int Read(byte[] buffer, int offset, int count)
        {
            var got = base.Read(buffer, offset, count);
            _read += got;
            if (got == 0 && count > 0 && _read < uint.MaxValue && StatedSize() > _read)
                throw new InvalidDataException("the gzip file is cut off before its end");
            return got;
        }

        /// <summary>The last four bytes of a gzip file: the unpacked size of its last member (RFC 1952).</summary>
        private uint StatedSize()
        {
            Span<byte> size = stackalloc byte[4];
            return file.Length >= 4 && RandomAccess.Read(file.SafeFileHandle, size, file.Length - 4) == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(size) : uint.MaxValue;
        }
    }
}
