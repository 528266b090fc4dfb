namespace Afina.Engine.Tensors.Blocks;

/// <summary>GGUF Q2_K: 16 bytes of 4-bit scales and minima, 64 bytes of 2-bit codes, d f16, dmin f16; sub-blocks of 16,
/// value d·scale·q − dmin·minimum.</summary>
internal sealed unsafe class Q2_K : PackedFormat
{
    public override string Name => "Q2_K";

    public override int BlockElements => 256;

    public override int BlockBytes => 84;

    public override int GgmlType => 10;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination)
    {
        for (var block = 0; block < count; block++, blocks += 84)
        {
            var (d, dMin) = (Lanes.Half(blocks + 80), Lanes.Half(blocks + 82));
            var codes = blocks + 16;
            for (var s = 0; s < 16; s++)
            {
                var scale = d * (blocks[s] & 15);
                var minimum = dMin * (blocks[s] >> 4);
                var from = codes + 32 * (s / 8) + 16 * (s % 2);
                var shift = 2 * (s % 8 / 2);
                for (var j = 0; j < 16; j++)
                    *destination++ = scale * ((from[j] >> shift) & 3) - minimum;
            }
        }
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        var w = stackalloc float[16];
        var scales = stackalloc float[16];
        var minima = stackalloc float[16];
        var codes = stackalloc byte[256];
        for (var block = 0; block < count; block++, source += 256, destination += 84)
        {
            float largestScale = 0, largestMin = 0;
            for (var s = 0; s < 16; s++)
            {
                for (var j = 0; j < 16; j++)
                    w[j] = MathF.Abs(source[16 * s + j]);
                scales[s] = ScaleSearch.ScaleAndMin(16, 3, source + 16 * s, w, codes + 16 * s, out minima[s], -0.5f, 0.1f, 15, absolute: true);
                largestScale = MathF.Max(largestScale, scales[s]);
                largestMin = MathF.Max(largestMin, minima[s]);
            }

            new Span<byte>(destination, 84).Clear();
            for (var s = 0; s < 16; s++)
            {
                var scale = largestScale > 0 ? Rounding.Nearest(15 / largestScale * scales[s]) : 0;
                var minimum = largestMin > 0 ? Rounding.Nearest(15 / largestMin * minima[s]) : 0;
                destination[s] = (byte)(scale | (minimum << 4));
            }

            Lanes.StoreHalf(destination + 80, largestScale / 15);
            Lanes.StoreHalf(destination + 82, largestMin / 15);
            var (d, dMin) = (Lanes.Half(destination + 80), Lanes.Half(destination + 82));
            for (var s = 0; s < 16; s++)
            {
                var scale = d * (destination[s] & 15);
                if (scale == 0)
                    continue;
                var minimum = dMin * (destination[s] >> 4);
                for (var j = 16 * s; j < 16 * s + 16; j++)
                    codes[j] = (byte)Rounding.Nearest((source[j] + minimum) / scale, 0, 3);
            }

            for (var j = 0; j < 256; j++)
                destination[16 + 32 * (j / 128) + j % 32] |= (byte)(codes[j] << (2 * (j % 128 / 32)));
        }
    }
}
