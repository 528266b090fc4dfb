namespace Afina.Engine.Tensors.Blocks;

/// <summary>GGUF Q6_K: 128 bytes of low halves, 64 bytes of high 2-bit parts, 16 signed scales, d f16; sub-blocks of 16,
/// value d·scale·(q − 32).</summary>
/// <remarks>Within each half block of 128, quarter t (32 elements) has its low parts in bytes 32·(t mod 2).. (low halves for t &lt; 2,
/// high halves otherwise) and its high parts at bit 2t.</remarks>
internal sealed unsafe class Q6_K : PackedFormat
{
    public override string Name => "Q6_K";

    public override int BlockElements => 256;

    public override int BlockBytes => 210;

    public override int GgmlType => 14;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination)
    {
        for (var block = 0; block < count; block++, blocks += 210)
        {
            var d = Lanes.Half(blocks + 208);
            for (var s = 0; s < 16; s++)
            {
                var scale = d * ((sbyte*)blocks)[192 + s];
                var (lowAt, lowShift, highAt, highShift) = Parts(s);
                byte* low = blocks + lowAt, high = blocks + highAt;
                for (var j = 0; j < 16; j++)
                    *destination++ = scale * ((((low[j] >> lowShift) & 15) | (((high[j] >> highShift) & 3) << 4)) - 32);
            }
        }
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        var scales = stackalloc float[16];
        var codes = stackalloc byte[256];
        for (var block = 0; block < count; block++, source += 256, destination += 210)
        {
            for (var s = 0; s < 16; s++)
                scales[s] = ScaleSearch.Symmetric(16, 32, source + 16 * s, codes + 16 * s);
            var largest = Rounding.SignedLargest(scales, 16);
            new Span<byte>(destination, 210).Clear();
            if (MathF.Abs(largest) < Rounding.Nothing)
                continue;
            var inverse = -128 / largest;
            Lanes.StoreHalf(destination + 208, 1 / inverse);
            var d = Lanes.Half(destination + 208);
            for (var s = 0; s < 16; s++)
            {
                var code = Math.Min(127, Rounding.Nearest(inverse * scales[s]));
                ((sbyte*)destination)[192 + s] = (sbyte)code;
                var scale = d * (sbyte)code;
                var (lowAt, lowShift, highAt, highShift) = Parts(s);
                byte* low = destination + lowAt, high = destination + highAt;
                for (var j = 0; j < 16; j++)
                {
                    var l = scale == 0 ? codes[16 * s + j] : Rounding.Nearest(source[16 * s + j] / scale, -32, 31) + 32;
                    low[j] |= (byte)((l & 15) << lowShift);
                    high[j] |= (byte)((l >> 4) << highShift);
                }
            }
        }
    }

    private static (int LowAt, int LowShift, int HighAt, int HighShift) Parts(int s)
    {
        var (half, quarter, within) = (s / 8, s % 8 / 2, 16 * (s % 2));
        return (64 * half + 32 * (quarter % 2) + within, 4 * (quarter / 2), 128 + 32 * half + within, 2 * quarter);
    }
}
