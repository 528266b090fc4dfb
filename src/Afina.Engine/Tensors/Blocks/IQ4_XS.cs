using System.Runtime.CompilerServices;

namespace Afina.Engine.Tensors.Blocks;

/// <summary>GGUF IQ4_XS: d f16, 16 high bits of scales (2 each), 4 bytes of low halves of scales, 128 bytes of codes; sub-blocks of 32
/// placed as in Q4_0, value d·(scale − 32)·<see cref="Iq4.Values"/>[q].</summary>
internal sealed unsafe class IQ4_XS : PackedFormat
{
    public override string Name => "IQ4_XS";

    public override int BlockElements => 256;

    public override int BlockBytes => 136;

    public override int GgmlType => 23;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination)
    {
        for (var block = 0; block < count; block++, blocks += 136)
        {
            var d = Lanes.Half(blocks);
            var high = Unsafe.ReadUnaligned<ushort>(blocks + 2);
            for (var s = 0; s < 8; s++, destination += 32)
            {
                var scale = ((blocks[4 + s / 2] >> (4 * (s % 2))) & 15) | (((high >> (2 * s)) & 3) << 4);
                Iq4.Unpack(blocks + 8 + 16 * s, d * (scale - 32), destination);
            }
        }
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        var scales = stackalloc float[8];
        for (var block = 0; block < count; block++, source += 256, destination += 136)
        {
            for (var s = 0; s < 8; s++)
                scales[s] = Iq4.Scale(source + 32 * s);
            new Span<byte>(destination, 8).Clear();
            var d = -Rounding.SignedLargest(scales, 8) / 32;
            Lanes.StoreHalf(destination, d);
            var inverse = d != 0 ? 1 / d : 0;
            var high = 0;
            for (var s = 0; s < 8; s++)
            {
                var code = Rounding.Nearest(inverse * scales[s], -32, 31);
                var scale = d * code;
                Iq4.Pack(source + 32 * s, scale != 0 ? 1 / scale : 0, destination + 8 + 16 * s);
                destination[4 + s / 2] |= (byte)(((code + 32) & 15) << (4 * (s % 2)));
                high |= ((code + 32) >> 4) << (2 * s);
            }

            Unsafe.WriteUnaligned(destination + 2, (ushort)high);
        }
    }
}
