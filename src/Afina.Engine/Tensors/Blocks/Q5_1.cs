using System.Runtime.CompilerServices;

namespace Afina.Engine.Tensors.Blocks;

/// <summary>GGUF Q5_1: d f16, m f16, 32 fifth bits, 16 bytes of low halves as in Q4_1; value d·q + m.</summary>
internal sealed unsafe class Q5_1 : PackedFormat
{
    public override string Name => "Q5_1";

    public override int BlockElements => 32;

    public override int BlockBytes => 24;

    public override int GgmlType => 7;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination)
    {
        for (var block = 0; block < count; block++, blocks += 24, destination += 32)
        {
            var (d, m) = (Lanes.Half(blocks), Lanes.Half(blocks + 2));
            var fifth = Unsafe.ReadUnaligned<uint>(blocks + 4);
            for (var j = 0; j < 16; j++)
            {
                var code = blocks[8 + j];
                destination[j] = d * (int)((code & 15u) | (((fifth >> j) & 1) << 4)) + m;
                destination[j + 16] = d * (int)((uint)(code >> 4) | (((fifth >> (j + 16)) & 1) << 4)) + m;
            }
        }
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        for (var block = 0; block < count; block++, source += 32, destination += 24)
        {
            var (min, max) = Rounding.Range(source, 32);
            var d = (max - min) / 31;
            var inverse = d != 0 ? 1 / d : 0;
            Lanes.StoreHalf(destination, d);
            Lanes.StoreHalf(destination + 2, min);
            var fifth = 0u;
            for (var j = 0; j < 16; j++)
            {
                var low = (uint)(byte)(int)((source[j] - min) * inverse + 0.5f);
                var high = (uint)(byte)(int)((source[j + 16] - min) * inverse + 0.5f);
                destination[8 + j] = (byte)((low & 15) | (high << 4));
                fifth |= (((low >> 4) & 1) << j) | (((high >> 4) & 1) << (j + 16));
            }

            Unsafe.WriteUnaligned(destination + 4, fifth);
        }
    }
}
