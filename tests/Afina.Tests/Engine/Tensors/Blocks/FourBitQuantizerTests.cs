using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Afina.Engine.Tensors.Blocks;
using Xunit;

namespace Afina.Tests.Tensors.Blocks;

public sealed unsafe class FourBitQuantizerTests
{
    [Theory]
    [InlineData("NF4", "00000111111112222233344445556667788899aaabbbccccddddeeeeeeefffff")]
    [InlineData("FP4", "bbbbbbaaaaaaaadddddccccffeeee99911166667744445555522222222333333")]
    public void A_ramp_takes_the_codes_that_bitsandbytes_gives_it(string format, string codes)
    {
        var ramp = new float[64];
        for (var i = 0; i < 64; i++)
            ramp[i] = (i - 31.5f) / 31.5f;
        Assert.Equal(codes, Convert.ToHexStringLower(Codes(Quantize(ramp, Format(format)))));
    }

    [Theory]
    [InlineData("NF4", "67ad9ffb61c342506abb16f60e4efa279ab060c839354514d4b22c244f2093d1")]
    [InlineData("FP4", "df41753fa78bebd5e58da70830b1a65fd3dd1cfa0d1a00ca5c37ad6c920c06aa")]
    public void Four_thousand_numbers_pack_to_the_published_hash(string format, string hash) =>
        Assert.Equal(hash, Convert.ToHexStringLower(SHA256.HashData(Codes(Quantize(Numbers(), Format(format))))));

    [Fact]
    public void Double_quantization_gives_the_published_scales()
    {
        var facts = JsonDocument.Parse(File.ReadAllBytes(Shared.Path("conformance/facts/peft-bnb.json"))).RootElement.GetProperty("double_quant_lcg4096");
        var scales = Quantize(Numbers(), BlockFormats.NF4, nested: true).Scales!;
        Assert.Equal(facts.GetProperty("offset").GetSingle(), scales.Offset, 1e-6f);
        Assert.Equal(facts.GetProperty("codes").EnumerateArray().Select(code => code.GetByte()), scales.Codes!);
        Assert.Equal(facts.GetProperty("nested_absmax")[0].GetSingle(), scales.NestedAbsMax![0], 1e-6f);
    }

    [Fact]
    public void The_dynamic_maps_are_bitsandbytes_own_to_the_bit()
    {
        Assert.Equal("e732639a65f497b4ad684bb166a4467708255edd5207757de8b8f0c7e1fda89c", Hash(DynamicMap.Signed.Values));
        Assert.Equal("305f002cc11278fb769d13b25b9fd0c7c83c8402c40a878fe086f4039fde6398", Hash(DynamicMap.Unsigned.Values));
        for (var code = 0; code < 256; code++)
            Assert.Equal(code, DynamicMap.Signed.Nearest(DynamicMap.Signed.Values[code]));
        Assert.Equal(255, DynamicMap.Signed.Nearest(float.PositiveInfinity));
        Assert.Equal(0, DynamicMap.Signed.Nearest(float.NegativeInfinity));
    }

    [Fact]
    public void Pieces_of_any_size_give_the_same_weight_as_the_whole_and_widen_in_any_range()
    {
        var x = Numbers().AsSpan(0, 1001);
        var whole = Quantize(x, BlockFormats.NF4);
        var quantizer = new FourBitQuantizer("w", BlockFormats.NF4, 7, 143);
        for (var (at, size) = (0, 1); at < x.Length; at += size, size = Math.Min(size * 2 % 97 + 1, x.Length - at))
            quantizer.Append(x.Slice(at, Math.Min(size, x.Length - at)));
        var pieces = quantizer.Finish();
        Assert.Equal(Convert.ToHexString(new ReadOnlySpan<byte>(whole.Data, 501)), Convert.ToHexString(new ReadOnlySpan<byte>(pieces.Data, 501)));
        var all = new float[1001];
        pieces.Decode(0, all);
        foreach (var (start, count) in new[] { (0, 1), (1, 1), (63, 2), (1, 200), (5, 996), (1000, 1), (128, 64) })
        {
            var part = new float[count];
            pieces.Decode(start, part);
            Assert.Equal(all.AsSpan(start, count).ToArray(), part);
        }
    }

    [Fact]
    public void A_number_that_is_none_is_refused_with_the_tensors_name()
    {
        var x = new float[128];
        x[70] = float.NaN;
        var error = Assert.Throws<InvalidDataException>(() => Quantize(x, BlockFormats.NF4));
        Assert.Contains("'w'", error.Message);
        x[70] = float.NegativeInfinity;
        Assert.Throws<InvalidDataException>(() => Quantize(x, BlockFormats.NF4));
    }

    private static FourBitFormat Format(string name) => name == "NF4" ? BlockFormats.NF4 : BlockFormats.FP4;

    private static Weight Quantize(ReadOnlySpan<float> x, FourBitFormat format, bool nested = false)
    {
        var quantizer = new FourBitQuantizer("w", format, 1, x.Length, 64, nested);
        quantizer.Append(x);
        return quantizer.Finish();
    }

    private static ReadOnlySpan<byte> Codes(Weight weight) => new(weight.Data, (int)weight.Bytes);

    private static string Hash(ReadOnlySpan<float> values) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(values)));

    private static float[] Numbers()
    {
        var state = 12345u;
        var x = new float[4096];
        for (var i = 0; i < x.Length; i++)
        {
            state = state * 1664525 + 1013904223;
            x[i] = (state >> 8) / 16777216f * 2 - 1;
        }

        return x;
    }
}
