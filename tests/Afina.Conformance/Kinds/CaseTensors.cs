using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Afina.Conformance.Kinds;

/// <summary>The F32, I64 and U8 tensors of a small safetensors file, all as double.</summary>
internal sealed class CaseTensors
{
    private readonly Dictionary<string, double[]> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int[]> _shapes = new(StringComparer.Ordinal);

    public static CaseTensors Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var header = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        using var json = JsonDocument.Parse(bytes.AsMemory(8, header));
        var result = new CaseTensors();
        foreach (var entry in json.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__"))
        {
            var offsets = entry.Value.GetProperty("data_offsets");
            var data = bytes.AsSpan(8 + header)[offsets[0].GetInt32()..offsets[1].GetInt32()];
            result._shapes[entry.Name] = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32())];
            result._values[entry.Name] = entry.Value.GetProperty("dtype").GetString() switch
            {
                "F32" => [.. MemoryMarshal.Cast<byte, float>(data).ToArray().Select(value => (double)value)],
                "I64" => [.. MemoryMarshal.Cast<byte, long>(data).ToArray().Select(value => (double)value)],
                "U8" => [.. data.ToArray().Select(value => (double)value)],
                var type => throw new NotSupportedException($"{path}: tensor {entry.Name} has the type {type}"),
            };
        }

        return result;
    }

    public IEnumerable<string> Names => _values.Keys;

    public double[] this[string name] => _values[name];

    public double[]? Find(string name) => _values.GetValueOrDefault(name);

    public int[] Shape(string name) => _shapes[name];
}
