using Afina.Engine.Tensors.Blocks;
using Afina.Formats.Safetensors;

namespace Afina.Conformance.Kinds;

/// <summary>GGUF's block formats: decoding, and encoding without an importance matrix.</summary>
internal sealed unsafe class GgufBlockKind : Kind
{
    public override string Name => "gguf-block";

    public override void Run(Case @case, Check check)
    {
        using var inputs = SafetensorsFile.Open(@case.Resolve(@case.Text("inputs")!));
        using var expected = SafetensorsFile.Open(@case.Own("expected.safetensors"));
        var type = @case.Text("type")!;
        var format = BlockFormats.FromGgmlType(@case.Json.GetProperty("type_id").GetInt32()) ?? throw new NotSupportedCase($"no codec for {type}");
        check.Equal(type, format.Name, "name");
        check.Equal(@case.Json.GetProperty("elements_per_block").GetInt32(), format.BlockElements, "elements per block");
        check.Equal(@case.Json.GetProperty("bytes_per_block").GetInt32(), format.BlockBytes, "bytes per block");

        var shape = inputs.Find("x").Shape;
        var x = inputs.Floats("x");
        var blocks = expected.Bytes("blocks").ToArray();
        var dequantized = expected.Floats("dequantized");
        check.Close(dequantized, Decode(format, blocks, x.Length, x.Length), "dequantized");
        check.Close(dequantized, Decode(format, blocks, x.Length, 37), "dequantized in pieces");

        var columns = (int)shape[^1];
        var own = new byte[blocks.Length];
        var rowBytes = (int)format.BytesFor(columns);
        for (var row = 0; row < x.Length / columns; row++)
            format.Encode(x.AsSpan(row * columns, columns), own.AsSpan(row * rowBytes, rowBytes));
        if (@case.Json.GetProperty("quantize_exact").GetBoolean())
        {
            check.Same(blocks, own, "blocks");
            return;
        }

        var (error, size) = (0.0, 0.0);
        var back = Decode(format, own, x.Length, x.Length);
        for (var i = 0; i < x.Length; i++)
        {
            error += Math.Pow(back[i] - (double)x[i], 2);
            size += Math.Pow(x[i], 2);
        }

        var (rmse, bound) = (Math.Sqrt(error / size), 1.02 * @case.Json.GetProperty("relative_rmse").GetDouble());
        check.Equal(true, rmse <= bound, $"relative error {rmse:G4} within {bound:G4}");
    }

    private static float[] Decode(BlockFormat format, byte[] blocks, int count, int piece)
    {
        var values = new float[count];
        fixed (byte* data = blocks)
        fixed (float* to = values)
        {
            for (var start = 0; start < count; start += piece)
                format.Decode(data, null, start, Math.Min(piece, count - start), to + start);
        }

        return values;
    }
}
