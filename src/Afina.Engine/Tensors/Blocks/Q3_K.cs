namespace Afina.Engine.Tensors.Blocks;

/// <summary>GGUF Q3_K: 32 bytes of third bits, 64 bytes of low 2-bit codes, 12 bytes of 6-bit scales, d f16; sub-blocks of 16,
/// value d·(scale − 32)·(q − 4).</summary>
internal sealed unsafe class Q3_K : PackedFormat
{
    public override string Name => "Q3_K";

    public override int BlockElements => 256;

    public override int BlockBytes => 110;

    public override int GgmlType => 11;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination)
    {
        for (var block = 0; block < count; block++, blocks += 110)
        {
            var d = Lanes.Half(blocks + 108);
            for (var s = 0; s < 16; s++)
            {
                var scale = d * (Scale(blocks + 96, s) - 32);
                var third = blocks + 16 * (s % 2);
                var low = blocks + 32 + 32 * (s / 8) + 16 * (s % 2);
                var shift = 2 * (s % 8 / 2);
                for (var j = 0; j < 16; j++)
                    *destination++ = scale * (((low[j] >> shift) & 3) - (((third[j] >> (s / 2)) & 1) != 0 ? 0 : 4));
            }
        }
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        var scales = stackalloc float[16];
        var codes = stackalloc byte[256];
        for (var block = 0; block < count; block++, source += 256, destination += 110)
        {
            for (var s = 0; s < 16; s++)
                scales[s] = ScaleSearch.Sweeps(16, source + 16 * s, codes + 16 * s);
            var largest = Rounding.SignedLargest(scales, 16);
            new Span<byte>(destination, 110).Clear();
            var packed = destination + 96;
            if (largest != 0)
            {
                var inverse = -32 / largest;
                for (var s = 0; s < 16; s++)
                {
                    var code = Rounding.Nearest(inverse * scales[s], -32, 31) + 32;
                    packed[s % 8] |= (byte)(s < 8 ? code & 15 : (code & 15) << 4);
                    packed[8 + s % 4] |= (byte)((code >> 4) << (2 * (s / 4)));
                }

                Lanes.StoreHalf(destination + 108, 1 / inverse);
            }

            var d = Lanes.Half(destination + 108);
            for (var s = 0; s < 16; s++)
            {
                var scale = d * (Scale(packed, s) - 32);
                if (scale == 0)
                    continue;
                for (var j = 16 * s; j < 16 * s + 16; j++)
                    codes[j] = (byte)(Rounding.Nearest(source[j] / scale, -4, 3) + 4);
            }

            for (var j = 0; j < 256; j++)
            {
                destination[j % 32] |= (byte)((codes[j] >> 2) << (j / 32));
                destination[32 + 32 * (j / 128) + j % 32] |= (byte)((codes[j] & 3) << (2 * (j % 128 / 32)));
            }
        }
    }

    private static int Scale(byte* packed, int s) =>
        (s < 8 ? packed[s] & 15 : packed[s - 8] >> 4) | (((packed[8 + s % 4] >> (2 * (s / 4))) & 3) << 4);
}
