using System.Buffers.Binary;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Formats.Safetensors;

/// <summary>A memory-mapped safetensors file: 8 bytes of header length, a JSON header, the tensors' bytes
/// (https://github.com/huggingface/safetensors).</summary>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly Dictionary<string, SafetensorsTensor> _tensors;
    private readonly Dictionary<string, string> _metadata;

    private SafetensorsFile(MappedFile file, Dictionary<string, SafetensorsTensor> tensors, Dictionary<string, string> metadata)
    {
        File = file;
        _tensors = tensors;
        _metadata = metadata;
    }

    /// <summary>The mapped file.</summary>
    public MappedFile File { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsTensor> Tensors => _tensors;

    /// <summary>The strings of <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Maps a file and checks its header.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, cut or not safetensors; one line says how.</exception>
    public static SafetensorsFile Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            if (file.Length < 8)
                throw Refusal.For($"{file.Name}: {file.Length} bytes are no safetensors file; it is cut short, fetch it again");
            var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(file.Span(0, 8));
            if (headerLength > SafetensorsHeader.Limit)
                throw Refusal.For($"{file.Name}: the header would have {headerLength} bytes, more than the allowed {SafetensorsHeader.Limit}; the file is damaged or not safetensors");
            if (8 + (long)headerLength > file.Length)
                throw Refusal.For($"{file.Name}: the header has {headerLength} bytes, but the file only {file.Length}; it is cut short, fetch it again");
            var dataStart = 8 + (long)headerLength;
            var (tensors, metadata) = SafetensorsHeader.Parse(file.Span(8, (int)headerLength), file.Name, dataStart, file.Length);
            return new SafetensorsFile(file, tensors, metadata);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A tensor's bytes.</summary>
    /// <exception cref="InvalidDataException">No such tensor, or one of more than 2 GiB.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var tensor = Find(name);
        if (tensor.Bytes > int.MaxValue)
            throw Refusal.For($"{File.Name}: tensor '{name}' is too large to be read at once ({tensor.Bytes} bytes)");
        return File.Span(tensor.Offset, (int)tensor.Bytes);
    }

    /// <summary>A tensor of floats as a matrix: all dimensions but the last are rows, a vector is one row.</summary>
    /// <exception cref="InvalidDataException">No such tensor, or its elements are no floats.</exception>
    public Weight Weight(string name)
    {
        var tensor = Find(name);
        var format = tensor.Type.ToDType() is { } type ? BlockFormats.FromDType(type) : null;
        if (format is null)
            throw Refusal.For($"{File.Name}: tensor '{name}' has dtype {tensor.Type}; a weight must be F32, F16 or BF16");
        var columns = tensor.Shape is [] ? 1 : tensor.Shape[^1];
        var rows = 1L;
        foreach (var size in tensor.Shape.AsSpan(0, Math.Max(0, tensor.Shape.Length - 1)))
            rows *= size;
        if (rows > int.MaxValue || columns > int.MaxValue)
            throw Refusal.For($"{File.Name}: tensor '{name}' of shape {tensor.ShapeText} is too large");
        return new Weight(name, format, (int)rows, (int)columns, File.Data + tensor.Offset, tensor.Bytes, File);
    }

    /// <summary>A tensor of floats, widened.</summary>
    public float[] Floats(string name)
    {
        var weight = Weight(name);
        if (weight.Count > Array.MaxLength)
            throw Refusal.For($"{File.Name}: tensor '{name}' is too large to be read at once ({weight.Count} elements)");
        var values = new float[weight.Count];
        weight.Decode(0, values);
        return values;
    }

    /// <summary>A tensor of integers (or truth values), widened.</summary>
    public long[] Integers(string name)
    {
        var tensor = Find(name);
        var bytes = Bytes(name);
        var values = new long[tensor.Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = tensor.Type switch
            {
                SafetensorsType.I64 => BinaryPrimitives.ReadInt64LittleEndian(bytes[(8 * i)..]),
                SafetensorsType.I32 => BinaryPrimitives.ReadInt32LittleEndian(bytes[(4 * i)..]),
                SafetensorsType.U32 => BinaryPrimitives.ReadUInt32LittleEndian(bytes[(4 * i)..]),
                SafetensorsType.I16 => BinaryPrimitives.ReadInt16LittleEndian(bytes[(2 * i)..]),
                SafetensorsType.U16 => BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]),
                SafetensorsType.I8 => (sbyte)bytes[i],
                SafetensorsType.U8 or SafetensorsType.BOOL => bytes[i],
                _ => throw Refusal.For($"{File.Name}: tensor '{name}' has dtype {tensor.Type}; integers are expected"),
            };
        }

        return values;
    }

    /// <summary>What the header says of a tensor.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    public SafetensorsTensor Find(string name) => _tensors.TryGetValue(name, out var tensor)
        ? tensor
        : throw Refusal.For($"{File.Name}: there is no tensor '{name}'");

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();
}
