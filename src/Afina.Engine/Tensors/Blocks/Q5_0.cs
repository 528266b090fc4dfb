using System.Runtime.CompilerServices;

namespace Afina.Engine.Tensors.Blocks;

/// <summary>GGUF Q5_0: d f16, 32 fifth bits, 16 bytes of low halves as in Q4_0; value d·(q − 16).</summary>
internal sealed unsafe class Q5_0 : PackedFormat
{
    public override string Name => "Q5_0";

    public override int BlockElements => 32;

    public override int BlockBytes => 22;

    public override int GgmlType => 6;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination)
    {
        for (var block = 0; block < count; block++, blocks += 22, destination += 32)
        {
            var d = Lanes.Half(blocks);
            var fifth = Unsafe.ReadUnaligned<uint>(blocks + 2);
            for (var j = 0; j < 16; j++)
            {
                var code = blocks[6 + j];
                destination[j] = d * ((int)((code & 15u) | (((fifth >> j) & 1) << 4)) - 16);
                destination[j + 16] = d * ((int)((uint)(code >> 4) | (((fifth >> (j + 16)) & 1) << 4)) - 16);
            }
        }
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        for (var block = 0; block < count; block++, source += 32, destination += 22)
        {
            var d = Rounding.SignedLargest(source, 32) / -16;
            var inverse = d != 0 ? 1 / d : 0;
            Lanes.StoreHalf(destination, d);
            var fifth = 0u;
            for (var j = 0; j < 16; j++)
            {
                var low = (uint)Math.Min(31, (int)(source[j] * inverse + 16.5f));
                var high = (uint)Math.Min(31, (int)(source[j + 16] * inverse + 16.5f));
                destination[6 + j] = (byte)((low & 15) | (high << 4));
                fifth |= ((low >> 4) << j) | ((high >> 4) << (j + 16));
            }

            Unsafe.WriteUnaligned(destination + 2, fifth);
        }
    }
}
