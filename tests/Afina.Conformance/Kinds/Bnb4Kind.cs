using System.Text.Json;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Afina.Formats.Safetensors;

namespace Afina.Conformance.Kinds;

/// <summary>bitsandbytes' 4-bit formats: decoding with stored scales, and quantizing.</summary>
internal sealed unsafe class Bnb4Kind : Kind
{
    public override string Name => "bnb4";

    public override void Run(Case @case, Check check)
    {
        using var inputs = SafetensorsFile.Open(@case.Resolve(@case.Text("inputs")!));
        using var expected = SafetensorsFile.Open(@case.Own("expected.safetensors"));
        var nested = @case.Json.GetProperty("double_quant").GetBoolean();
        var blockSize = @case.Json.GetProperty("blocksize").GetInt32();
        var format = @case.Text("quant_type") == "nf4" ? BlockFormats.NF4 : BlockFormats.FP4;
        var x = inputs.Floats("x");
        var packed = expected.Bytes("packed").ToArray();
        var state = JsonDocument.Parse(expected.Bytes("quant_state").ToArray()).RootElement;
        var map = expected.Floats("quant_map");
        check.Same(map, format.Map.ToArray(), "quant_map");

        var scales = nested
            ? new BlockScales(blockSize, null, expected.Bytes("absmax").ToArray(), expected.Floats("nested_absmax"), expected.Floats("nested_quant_map"), 256, state.GetProperty("nested_offset").GetSingle(), map)
            : BlockScales.Plain(blockSize, expected.Floats("absmax"), map);
        var rounding = expected.Find("dequantized").Type.ToDType()!.Value;
        var dequantized = expected.Floats("dequantized");
        fixed (byte* data = packed)
        {
            var weight = new Weight("x", format, 1, x.Length, data, packed.Length, packed, scales);
            check.Close(dequantized, Round(Decode(weight, x.Length), rounding), "dequantized");
            check.Close(dequantized, Round(Decode(weight, 37), rounding), "dequantized in pieces");
        }

        var quantizer = new FourBitQuantizer("x", format, 1, x.Length, blockSize, nested);
        for (var start = 0; start < x.Length; start += 91)
            quantizer.Append(x.AsSpan(start, Math.Min(91, x.Length - start)));
        var own = quantizer.Finish();
        var codes = new ReadOnlySpan<byte>(own.Data, (int)own.Bytes).ToArray();
        var zeros = @case.Json.GetProperty("zero_codes_may_differ").GetBoolean();
        check.Same(Nibbles(packed, map, zeros), Nibbles(codes, map, zeros), "packed");
        if (!nested)
        {
            check.Same(expected.Floats("absmax"), own.Scales!.AbsMax!, "absmax");
            return;
        }

        check.Close(expected.Floats("nested_offset")[0], own.Scales!.Offset, "nested_offset");
        check.Close(expected.Floats("nested_absmax"), own.Scales.NestedAbsMax, "nested_absmax");
        check.Close(expected.Floats("nested_quant_map"), own.Scales.NestedMap, "nested_quant_map");
        var theirs = expected.Bytes("absmax");
        var nearest = expected.Bytes("absmax_nearest");
        var ours = own.Scales.Codes!;
        check.Equal(theirs.Length, ours.Length, "absmax codes");
        for (var i = 0; i < ours.Length; i++)
            check.Equal(true, ours[i] == theirs[i] || ours[i] == nearest[i], $"absmax code {i} is {theirs[i]} or {nearest[i]} (got {ours[i]})");
    }

    private static float[] Decode(Weight weight, int piece)
    {
        var values = new float[weight.Count];
        for (var start = 0; start < values.Length; start += piece)
            weight.Decode(start, values.AsSpan(start, Math.Min(piece, values.Length - start)));
        return values;
    }

    private static float[] Round(float[] values, DType type)
    {
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = type switch
            {
                DType.BF16 => BFloat16.ToSingle(BFloat16.FromSingle(values[i])),
                DType.F16 => (float)(Half)values[i],
                _ => values[i],
            };
        }

        return values;
    }

    private static float[] Nibbles(byte[] packed, float[] map, bool byValue)
    {
        var values = new float[2 * packed.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var code = i % 2 == 0 ? packed[i / 2] >> 4 : packed[i / 2] & 15;
            values[i] = byValue ? map[code] + 0 : code;
        }

        return values;
    }
}
