using Afina.Engine.Tensors.Blocks;
using Afina.Formats.Safetensors;

namespace Afina.Conformance.Kinds;

/// <summary>bitsandbytes' 8-bit blockwise quantization with the dynamic map.</summary>
internal sealed class Bnb8Kind : Kind
{
    public override string Name => "bnb8";

    public override void Run(Case @case, Check check)
    {
        using var inputs = SafetensorsFile.Open(@case.Resolve(@case.Text("inputs")!));
        using var expected = SafetensorsFile.Open(@case.Own("expected.safetensors"));
        var blockSize = @case.Json.GetProperty("blocksize").GetInt32();
        var map = @case.Json.GetProperty("signed").GetBoolean() ? DynamicMap.Signed : DynamicMap.Unsigned;
        var x = inputs.Floats("x");
        var absMax = expected.Floats("absmax");
        check.Close(expected.Floats("code"), map.Values, "code");

        var dequantized = new float[x.Length];
        new DynamicMap(expected.Floats("code")).Dequantize(expected.Bytes("codes"), blockSize, absMax, dequantized);
        check.Close(expected.Floats("dequantized"), dequantized, "dequantized");

        var codes = new byte[x.Length];
        var ownAbsMax = new float[absMax.Length];
        map.Quantize(x, blockSize, codes, ownAbsMax);
        check.Same(absMax, ownAbsMax, "absmax");
        var nearest = expected.Bytes("nearest");
        for (var i = 0; i < codes.Length; i++)
        {
            if (codes[i] == nearest[i])
                continue;
            var scaled = (double)x[i] / absMax[i / blockSize];
            var (ours, theirs) = (Math.Abs(map.Values[codes[i]] - scaled), Math.Abs(map.Values[nearest[i]] - scaled));
            check.Equal(true, Math.Abs(ours - theirs) <= 1e-7 * Math.Abs(scaled), $"code {i}: expected {nearest[i]}, got {codes[i]}, and {scaled:G9} is no midpoint");
        }
    }
}
