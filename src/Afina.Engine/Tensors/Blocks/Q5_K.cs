namespace Afina.Engine.Tensors.Blocks;

/// <summary>GGUF Q5_K: as <see cref="Q4_K"/>, with 32 bytes of fifth bits (bit s of byte j belongs to element j of sub-block s) before the codes.</summary>
internal sealed unsafe class Q5_K : PackedFormat
{
    public override string Name => "Q5_K";

    public override int BlockElements => 256;

    public override int BlockBytes => 176;

    public override int GgmlType => 13;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination)
    {
        for (var block = 0; block < count; block++, blocks += 176)
        {
            var (d, dMin) = (Lanes.Half(blocks), Lanes.Half(blocks + 2));
            var fifth = blocks + 16;
            for (var s = 0; s < 8; s++)
            {
                var (scaleCode, minCode) = SixBitScales.Read(blocks + 4, s);
                var scale = d * scaleCode;
                var minimum = dMin * minCode;
                var from = blocks + 48 + 32 * (s / 2);
                var shift = 4 * (s % 2);
                for (var j = 0; j < 32; j++)
                    *destination++ = scale * (((from[j] >> shift) & 15) | (((fifth[j] >> s) & 1) << 4)) - minimum;
            }
        }
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        var codes = stackalloc byte[256];
        for (var block = 0; block < count; block++, source += 256, destination += 176)
        {
            SixBitScales.Encode(source, 31, -0.5f, 15, destination, codes);
            new Span<byte>(destination + 16, 32).Clear();
            for (var j = 0; j < 256; j++)
                destination[16 + j % 32] |= (byte)((codes[j] >> 4) << (j / 32));
            for (var j = 0; j < 128; j++)
            {
                var at = j / 32 * 64 + j % 32;
                destination[48 + j] = (byte)((codes[at] & 15) | (codes[at + 32] << 4));
            }
        }
    }
}
