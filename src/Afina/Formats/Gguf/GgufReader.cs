using System.Buffers.Binary;
using System.Text;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Formats.Gguf;

/// <summary>Reads the header of a GGUF file (ggml's gguf.h): every count and length is checked against the bytes that are left
/// before anything is allocated.</summary>
internal sealed class GgufReader(MappedFile file)
{
    private const int MostValues = 65_536;
    private const int MostTensors = 1_000_000;
    private const int LongestKey = 65_535;
    private const int LongestTensorName = 63;
    private const long MostElements = 1L << 30;
    private const uint LargestAlignment = 1 << 20;

    private long _position;

    private long Left => file.Length - _position;

    /// <summary>Reads the whole header.</summary>
    public (uint Version, Dictionary<string, object> Metadata, Dictionary<string, GgufTensor> Tensors) Read()
    {
        if (file.Length < 24 || !file.Span(0, 4).SequenceEqual("GGUF"u8))
            throw Refuse("this is no GGUF file (it does not begin with 'GGUF')");
        _position = 4;
        var version = UInt32();
        if (version is not (2 or 3))
        {
            throw Refuse((version & 0xFFFF) == 0
                ? "the file is big-endian; convert it for this machine"
                : $"GGUF version {version} is not supported (2 and 3 are)");
        }

        var tensorCount = Count("tensors", MostTensors, smallest: 24);
        var valueCount = Count("metadata values", MostValues, smallest: 13);
        var metadata = new Dictionary<string, object>(StringComparer.Ordinal);
        for (var i = 0; i < valueCount; i++)
        {
            var key = String("a metadata key", LongestKey);
            if (key.Length == 0)
                throw Refuse($"metadata value {i} has an empty key");
            if (!metadata.TryAdd(key, Value(ValueType(key), key)))
                throw Refuse($"metadata key '{key}' is there twice");
        }

        return (version, metadata, Tensors((int)tensorCount, Alignment(metadata)));
    }

    private uint Alignment(Dictionary<string, object> metadata)
    {
        if (!metadata.TryGetValue("general.alignment", out var value))
            return 32;
        return value is uint alignment && alignment is > 0 and <= LargestAlignment && (alignment & (alignment - 1)) == 0
            ? alignment
            : throw Refuse($"general.alignment is {value}; it must be a power of two up to {LargestAlignment}, as a 32-bit number");
    }

    private Dictionary<string, GgufTensor> Tensors(int count, uint alignment)
    {
        var infos = new List<GgufTensor>(Math.Min(count, 4096));
        var tensors = new Dictionary<string, GgufTensor>(StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
            infos.Add(TensorInfo());
        var dataStart = Padded(_position, alignment);
        var expected = 0L;
        foreach (var info in infos)
        {
            if (info.Offset != expected)
                throw Refuse($"tensor '{info.Name}' lies at byte {info.Offset} of the data, expected {expected}");
            if (info.Bytes > file.Length || dataStart + info.Offset > file.Length - info.Bytes)
                throw Refuse($"tensor '{info.Name}' ends after the file's {file.Length} bytes; the file is cut short, fetch it again");
            if (!tensors.TryAdd(info.Name, info with { Offset = dataStart + info.Offset }))
                throw Refuse($"tensor '{info.Name}' is there twice");
            expected = Padded(expected + info.Bytes, alignment);
        }

        return tensors;
    }

    private GgufTensor TensorInfo()
    {
        var name = String("a tensor's name", LongestTensorName);
        var rank = UInt32();
        if (rank > 4)
            throw Refuse($"tensor '{name}' has {rank} dimensions; at most 4 are allowed");
        var dimensions = new long[rank];
        Int128 elements = 1;
        for (var i = 0; i < rank; i++)
        {
            dimensions[i] = (long)UInt64();
            elements *= dimensions[i];
            if (dimensions[i] < 0 || elements > long.MaxValue)
                throw Refuse($"tensor '{name}' has impossible dimensions");
        }

        var type = (int)UInt32();
        var offset = (long)UInt64();
        if (GgmlTypes.Find(type) is not { } layout)
            throw Refuse($"tensor '{name}' has the unknown type {type}");
        var row = rank == 0 ? 1 : dimensions[0];
        if (row % layout.Elements != 0)
            throw Refuse($"tensor '{name}' has rows of {row} elements, which is no multiple of {layout.Name}'s block of {layout.Elements}");
        var bytes = elements / layout.Elements * layout.Bytes;
        if (bytes > long.MaxValue / 2)
            throw Refuse($"tensor '{name}' has impossible dimensions");
        return new GgufTensor(name, type, dimensions, BlockFormats.FromGgmlType(type), offset, (long)bytes);
    }

    private GgufValueType ValueType(string key)
    {
        var type = UInt32();
        return type <= (uint)GgufValueType.Float64 ? (GgufValueType)type : throw Refuse($"metadata '{key}' has the unknown type {type}");
    }

    private object Value(GgufValueType type, string key) => type switch
    {
        GgufValueType.UInt8 => Take(1)[0],
        GgufValueType.Int8 => (sbyte)Take(1)[0],
        GgufValueType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(Take(2)),
        GgufValueType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(Take(2)),
        GgufValueType.UInt32 => UInt32(),
        GgufValueType.Int32 => (int)UInt32(),
        GgufValueType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(Take(4)),
        GgufValueType.Bool => Bool(key),
        GgufValueType.String => String($"metadata '{key}'", (int)MostElements),
        GgufValueType.UInt64 => UInt64(),
        GgufValueType.Int64 => (long)UInt64(),
        GgufValueType.Float64 => BinaryPrimitives.ReadDoubleLittleEndian(Take(8)),
        _ => Array(key),
    };

    private object Array(string key)
    {
        var type = ValueType(key);
        if (type == GgufValueType.Array)
            throw Refuse($"metadata '{key}' is an array of arrays, which the format forbids");
        var size = type switch
        {
            GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
            GgufValueType.UInt16 or GgufValueType.Int16 => 2,
            GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
            _ => 8,
        };
        var count = UInt64();
        if (count > (ulong)MostElements || (long)count > Left / size)
            throw Refuse($"metadata '{key}' claims {count} elements, more than the file has bytes for");
        return type switch
        {
            GgufValueType.UInt8 => Fill<byte>((int)count, type, key),
            GgufValueType.Int8 => Fill<sbyte>((int)count, type, key),
            GgufValueType.UInt16 => Fill<ushort>((int)count, type, key),
            GgufValueType.Int16 => Fill<short>((int)count, type, key),
            GgufValueType.UInt32 => Fill<uint>((int)count, type, key),
            GgufValueType.Int32 => Fill<int>((int)count, type, key),
            GgufValueType.Float32 => Fill<float>((int)count, type, key),
            GgufValueType.Bool => Fill<bool>((int)count, type, key),
            GgufValueType.String => Fill<string>((int)count, type, key),
            GgufValueType.UInt64 => Fill<ulong>((int)count, type, key),
            GgufValueType.Int64 => Fill<long>((int)count, type, key),
            _ => Fill<double>((int)count, type, key),
        };
    }

    private T[] Fill<T>(int count, GgufValueType type, string key)
    {
        var values = new T[count];
        for (var i = 0; i < count; i++)
            values[i] = (T)Value(type, key);
        return values;
    }

    private bool Bool(string key) => Take(1)[0] switch
    {
        0 => false,
        1 => true,
        var other => throw Refuse($"metadata '{key}' is a truth value of {other}; 0 or 1 is expected"),
    };

    private string String(string what, int longest)
    {
        var length = UInt64();
        if (length > (ulong)longest || (long)length > Left)
            throw Refuse($"{what} at byte {_position} claims {length} bytes; {Math.Min(longest, Left)} are possible");
        return Encoding.UTF8.GetString(Take((int)length));
    }

    private long Count(string what, int most, int smallest)
    {
        var count = UInt64();
        if (count > (ulong)most || (long)count > Left / smallest)
            throw Refuse($"the header claims {count} {what}, more than the file can hold or Afina reads ({most})");
        return (long)count;
    }

    private uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    private ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Left)
            throw Refuse($"the header ends at byte {file.Length}; the file is cut short, fetch it again");
        var bytes = file.Span(_position, count);
        _position += count;
        return bytes;
    }

    private static long Padded(long position, uint alignment) => (position + alignment - 1) / alignment * alignment;

    private InvalidDataException Refuse(string what) => Refusal.For($"{file.Name}: {what}");
}
