using Afina.Engine.Tensors.Blocks;

namespace Afina.Formats.Gguf;

/// <summary>A memory-mapped GGUF file, version 2 or 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).</summary>
public sealed unsafe class GgufFile : IDisposable
{
    private readonly Dictionary<string, object> _metadata;
    private readonly Dictionary<string, GgufTensor> _tensors;
    private readonly Dictionary<string, MappedFile> _others = new(StringComparer.Ordinal);

    private GgufFile(MappedFile file, uint version, Dictionary<string, object> metadata, Dictionary<string, GgufTensor> tensors)
    {
        File = file;
        Version = version;
        _metadata = metadata;
        _tensors = tensors;
    }

    /// <summary>The mapped file; the first of a model that is split.</summary>
    public MappedFile File { get; }

    /// <summary>The version of the format.</summary>
    public uint Version { get; }

    /// <summary>The metadata: numbers and truth values boxed in their own type, strings, and arrays of these (<c>string[]</c>, <c>float[]</c> ...).</summary>
    public IReadOnlyDictionary<string, object> Metadata => _metadata;

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, GgufTensor> Tensors => _tensors;

    /// <summary>Maps a file and checks its header; of a split model (NAME-00001-of-00003.gguf), the first file, and the others with it.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, cut or no GGUF; one line says how.</exception>
    public static GgufFile Open(string path)
    {
        var file = OpenOne(path);
        try
        {
            foreach (var other in GgufSplit.Others(path, file._metadata))
                file.Add(OpenOne(other));
            GgufSplit.CheckCount(file);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A tensor as a matrix [rows, columns]: the first (fastest) dimension is the columns, all others together the rows.</summary>
    /// <exception cref="InvalidDataException">No such tensor, or a format that Afina does not read.</exception>
    public Weight Weight(string name)
    {
        var tensor = Find(name);
        if (tensor.Format is null)
            throw Refusal.For($"{File.Name}: tensor '{name}' is {GgmlTypes.Find(tensor.Type)?.Name}, which Afina does not read; quantize the model to one of {string.Join(", ", BlockFormats.Ggml)}");
        var columns = tensor.Dimensions is [var first, ..] ? first : 1;
        var rows = 1L;
        foreach (var size in tensor.Dimensions.AsSpan(Math.Min(1, tensor.Dimensions.Length)))
            rows *= size;
        if (rows > int.MaxValue || columns > int.MaxValue)
            throw Refusal.For($"{File.Name}: tensor '{name}' of [{string.Join(", ", tensor.Dimensions)}] is too large");
        var file = _others.GetValueOrDefault(name, File);
        return new Weight(name, tensor.Format, (int)rows, (int)columns, file.Data + tensor.Offset, tensor.Bytes, file);
    }

    /// <summary>What the header says of a tensor.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    public GgufTensor Find(string name) => _tensors.TryGetValue(name, out var tensor)
        ? tensor
        : throw Refusal.For($"{File.Name}: there is no tensor '{name}'");

    /// <inheritdoc/>
    public void Dispose()
    {
        File.Dispose();
        foreach (var other in _others.Values)
            other.Dispose();
    }

    private static GgufFile OpenOne(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            var (version, metadata, tensors) = new GgufReader(file).Read();
            return new GgufFile(file, version, metadata, tensors);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private void Add(GgufFile other)
    {
        foreach (var (name, tensor) in other._tensors)
        {
            if (_tensors.TryAdd(name, tensor))
                _others.Add(name, other.File);
            else
                throw Refusal.For($"{other.File.Name}: tensor '{name}' is in an earlier part too");
        }
    }
}
