using Afina.Engine.Tensors.Blocks;
using Afina.Formats.Safetensors;

namespace Afina.Formats.Bitsandbytes;

/// <summary>Puts together the weights that bitsandbytes spreads over several tensors: codes, absolute maxima, maps and a quantization
/// state (4-bit), or codes and row maxima (LLM.int8). The parts may lie in different shards.</summary>
internal sealed unsafe class BitsandbytesReader(IReadOnlyDictionary<string, SafetensorsFile> files)
{
    private const string State = ".quant_state.bitsandbytes__";
    private static readonly string[] Statistics = [".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map"];

    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    /// <summary>The quantized weights; <paramref name="used"/> gets the names of all tensors that they were made of.</summary>
    /// <param name="files">The file of each tensor, by the tensor's name.</param>
    /// <param name="used">Names that are no weights of their own.</param>
    public static List<Weight> Read(IReadOnlyDictionary<string, SafetensorsFile> files, out IReadOnlySet<string> used)
    {
        var reader = new BitsandbytesReader(files);
        var weights = new List<Weight>();
        foreach (var name in files.Keys.Order(StringComparer.Ordinal))
        {
            var at = name.IndexOf(State, StringComparison.Ordinal);
            if (at > 0)
                weights.Add(reader.FourBit(name[..at], name));
            else if (name.EndsWith(".SCB", StringComparison.Ordinal))
                weights.Add(reader.EightBit(name[..^".SCB".Length], name));
        }

        foreach (var name in files.Keys)
        {
            if (!reader._used.Contains(name) && Array.Exists(Statistics, suffix => name.EndsWith(".weight" + suffix, StringComparison.Ordinal)))
                throw Refusal.For($"{files[name].File.Name}: tensor '{name}' belongs to a quantized weight without a quant_state");
        }

        used = reader._used;
        return weights;
    }

    private Weight FourBit(string name, string stateName)
    {
        var where = $"{files[stateName].File.Name}: tensor '{stateName}'";
        if (_used.Contains(name))
            throw Refusal.For($"{where}: the weight has a quant_state already");
        var state = QuantState.Parse(Bytes(stateName), where);
        var format = state.Type switch
        {
            "nf4" => BlockFormats.NF4,
            "fp4" => BlockFormats.FP4,
            _ => throw Refusal.For($"{where}: quant_type '{state.Type}' is not supported (nf4 and fp4 are)"),
        };
        if (!stateName.EndsWith(State + state.Type, StringComparison.Ordinal))
            throw Refusal.For($"{where}: its name and its quant_type '{state.Type}' disagree");
        var count = (long)state.Rows * state.Columns;
        var (file, tensor) = Take(name);
        if (tensor.Bytes != format.BytesFor(count))
            throw Refusal.For($"{file.File.Name}: tensor '{name}' has {tensor.Bytes} bytes; [{state.Rows}, {state.Columns}] in {format} takes {format.BytesFor(count)}");
        return new Weight(name, format, state.Rows, state.Columns, file.File.Data + tensor.Offset, tensor.Bytes, file.File, Scales(name, state, count));
    }

    private BlockScales Scales(string name, QuantState state, long count)
    {
        var blocks = (count + state.BlockSize - 1) / state.BlockSize;
        var map = Floats(name + ".quant_map", 16);
        if (state.NestedBlockSize == 0)
            return BlockScales.Plain(state.BlockSize, Floats(name + ".absmax", blocks), map);
        var codes = Bytes(name + ".absmax");
        if (codes.Length != blocks || Find(name + ".absmax").Tensor.Type != SafetensorsType.U8)
            throw Refusal.For($"{files[name].File.Name}: tensor '{name}.absmax' must be {blocks} bytes");
        var nested = Floats(name + ".nested_absmax", (blocks + state.NestedBlockSize - 1) / state.NestedBlockSize);
        return new BlockScales(state.BlockSize, null, codes.ToArray(), nested, Floats(name + ".nested_quant_map", 256), state.NestedBlockSize, state.NestedOffset, map);
    }

    private Weight EightBit(string module, string scaleName)
    {
        var name = module + ".weight";
        if (_used.Contains(name))
            throw Refusal.For($"{files[scaleName].File.Name}: tensor '{scaleName}' and a quant_state claim the same weight");
        var (file, tensor) = Take(name);
        if (tensor.Type != SafetensorsType.I8 || tensor.Shape is not [> 0 and <= int.MaxValue and var rows, > 0 and <= int.MaxValue and var columns])
            throw Refusal.For($"{file.File.Name}: tensor '{name}' has row maxima ('{scaleName}'), but is no I8 matrix");
        var layout = module + ".weight_format";
        if (files.ContainsKey(layout) && Bytes(layout) is not [0])
            throw Refusal.For($"{files[layout].File.Name}: tensor '{layout}' asks for another order of elements than rows, which is not supported; save the model again with a current bitsandbytes");
        return new Weight(name, BlockFormats.Int8Rows, (int)rows, (int)columns, file.File.Data + tensor.Offset, tensor.Bytes, file.File, BlockScales.Plain((int)columns, Floats(scaleName, rows), []));
    }

    private float[] Floats(string name, long count)
    {
        var (file, tensor) = Take(name);
        if (tensor.Count != count)
            throw Refusal.For($"{file.File.Name}: tensor '{name}' has {tensor.Count} elements; {count} are needed");
        var values = file.Floats(name);
        var bad = Finite.FirstBad(values);
        return bad < 0 ? values : throw Refusal.For($"{file.File.Name}: tensor '{name}' has {values[bad]} at {bad}; its numbers must be finite");
    }

    private ReadOnlySpan<byte> Bytes(string name) => Take(name).File.Bytes(name);

    private (SafetensorsFile File, SafetensorsTensor Tensor) Take(string name)
    {
        var found = Find(name);
        _used.Add(name);
        return found;
    }

    private (SafetensorsFile File, SafetensorsTensor Tensor) Find(string name) => files.TryGetValue(name, out var file)
        ? (file, file.Find(name))
        : throw Refusal.For($"{files.Values.First().File.Name}: there is no tensor '{name}', which the quantized weight needs");
}
