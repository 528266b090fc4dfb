using System.Globalization;
using System.Runtime.InteropServices;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Xunit;

namespace Afina.Tests.Tensors.Blocks;

public sealed unsafe class PackedFormatTests
{
    // FNV-1a hashes of what ggml itself makes of 4096 numbers (llama.cpp v0.5.0, no fused multiply-add): quantized bytes, widened
    // numbers, and the quantized bytes of the cubes.
    [Theory]
    [InlineData("Q4_0", "42c1eb2e23ace272", "14a7f108f79a42cd", "1e918a01cf9c7436")]
    [InlineData("Q4_1", "61d33871b56a9db0", "9253e69fd9567679", "481e408687f559a6")]
    [InlineData("Q5_0", "35ae63524704ea17", "580be7cd0ee98edf", "8f2311ee550dd9d0")]
    [InlineData("Q5_1", "39256a5605f5e983", "2227555c293e1faf", "ddeeb5f564b01ad7")]
    [InlineData("Q8_0", "d4e6b321e3b94fdd", "1318bfdc24e7d23e", "b52d9f97dd253605")]
    [InlineData("Q2_K", "bb40307ddbe86a4b", "6f19f52fba57c3f7", "6bae0556ad9b5252")]
    [InlineData("Q3_K", "ca9994b5b2aef411", "baec73ffaa3936b7", "406bea5963246224")]
    [InlineData("Q4_K", "8a6231a5d4d6f7dd", "d910054324989e36", "a503d81f012b9ecf")]
    [InlineData("Q5_K", "d981a03d9a81060a", "cf5e938b0dd337f1", "d81e300adccf7a5c")]
    [InlineData("Q6_K", "9bdb2ffe1f1ed128", "dc2a6baacb9a9416", "29059995bbfd687b")]
    [InlineData("IQ4_NL", "5d5d62313db0f4d1", "7bf0e8c2c4c64b72", "ab79598bd1847c04")]
    public void Codes_and_widened_numbers_are_ggmls_to_the_bit(string name, string quantized, string dequantized, string cubed)
    {
        var format = BlockFormats.Ggml.Single(format => format.Name == name);
        var x = Numbers();
        var bytes = Encode(format, x);
        Assert.Equal(quantized, Hash(bytes));
        Assert.Equal(dequantized, Hash(MemoryMarshal.AsBytes<float>(Decode(format, bytes, 0, x.Length))));
        for (var i = 0; i < x.Length; i++)
            x[i] = x[i] * x[i] * x[i];
        Assert.Equal(cubed, Hash(Encode(format, x)));
    }

    [Fact]
    public void Every_16_bit_float_widens_exactly_and_narrows_to_itself()
    {
        var bits = Enumerable.Range(0, 1 << 16).Select(i => (ushort)i).ToArray();
        var bytes = MemoryMarshal.AsBytes<ushort>(bits).ToArray();
        var halves = Decode(BlockFormats.F16, bytes, 0, bits.Length);
        var brains = Decode(BlockFormats.BF16, bytes, 0, bits.Length);
        var back = MemoryMarshal.Cast<byte, ushort>(Encode(BlockFormats.BF16, brains)).ToArray();
        for (var i = 0; i < bits.Length; i++)
        {
            Assert.Equal((float)BitConverter.UInt16BitsToHalf(bits[i]), halves[i]);
            Assert.Equal(i << 16, BitConverter.SingleToInt32Bits(brains[i]));
            Assert.Equal(float.IsNaN(brains[i]) ? bits[i] | 0x40 : bits[i], back[i]);
        }
    }

    [Fact]
    public void Narrowing_to_bfloat16_rounds_to_even_in_every_lane()
    {
        var x = Numbers().AsSpan(0, 1000);
        var bytes = MemoryMarshal.Cast<byte, ushort>(Encode(BlockFormats.BF16, x));
        for (var i = 0; i < x.Length; i++)
            Assert.Equal(BFloat16.FromSingle(x[i]), bytes[i]);
    }

    [Fact]
    public void Any_range_widens_as_the_whole_does()
    {
        foreach (var format in BlockFormats.Ggml)
        {
            var bytes = Encode(format, Numbers().AsSpan(0, 1024));
            var whole = Decode(format, bytes, 0, 1024);
            foreach (var (start, count) in new[] { (0, 0), (0, 1), (5, 3), (31, 2), (255, 258), (256, 256), (300, 700), (1023, 1), (1024, 0) })
                Assert.Equal(whole.AsSpan(start, count).ToArray(), Decode(format, bytes, start, count));
        }
    }

    [Fact]
    public void Zeros_and_tiny_numbers_survive_every_format()
    {
        foreach (var format in BlockFormats.Ggml)
        {
            Assert.All(Decode(format, Encode(format, new float[256]), 0, 256), value => Assert.Equal(0, value));
            var tiny = Enumerable.Repeat(1e-30f, 256).ToArray();
            Assert.All(Decode(format, Encode(format, tiny), 0, 256), value => Assert.InRange(value, 0, 1e-29f));
        }
    }

    [Fact]
    public void A_part_of_a_block_cannot_be_stored()
    {
        Assert.Throws<ArgumentException>(() => BlockFormats.Q4_0.Encode(new float[33], new byte[36]));
        Assert.Throws<ArgumentException>(() => BlockFormats.Q4_0.Encode(new float[32], new byte[17]));
    }

    internal static float[] Numbers()
    {
        var state = 1u;
        var x = new float[4096];
        for (var i = 0; i < x.Length; i++)
        {
            state = state * 1664525 + 1013904223;
            x[i] = ((int)(state >> 8) - 8388608) / 8388608f;
        }

        return x;
    }

    private static byte[] Encode(BlockFormat format, ReadOnlySpan<float> x)
    {
        var bytes = new byte[format.BytesFor(x.Length)];
        format.Encode(x, bytes);
        return bytes;
    }

    private static float[] Decode(BlockFormat format, byte[] bytes, long start, int count)
    {
        var values = new float[count];
        fixed (byte* data = bytes)
        fixed (float* to = values)
            format.Decode(data, null, start, count, to);
        return values;
    }

    private static string Hash(ReadOnlySpan<byte> bytes)
    {
        var hash = 1469598103934665603UL;
        foreach (var one in bytes)
            hash = (hash ^ one) * 1099511628211;
        return hash.ToString("x16", CultureInfo.InvariantCulture);
    }
}
