using System.Runtime.Intrinsics;

namespace Afina.Engine.Tensors.Blocks;

/// <summary>GGUF Q4_1: d f16, m f16, 16 bytes of codes (element j in the low half of byte j, j + 16 in the high half); value d·q + m.</summary>
internal sealed unsafe class Q4_1 : PackedFormat
{
    public override string Name => "Q4_1";

    public override int BlockElements => 32;

    public override int BlockBytes => 20;

    public override int GgmlType => 3;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination)
    {
        for (var block = 0; block < count; block++, blocks += 20, destination += 32)
        {
            if (!Vector128.IsHardwareAccelerated)
            {
                Lanes.Nibbles(blocks + 4, Lanes.Half(blocks), 0, Lanes.Half(blocks + 2), destination);
                continue;
            }

            var d = Vector256.Create(Lanes.Half(blocks));
            var m = Vector256.Create(Lanes.Half(blocks + 2));
            var codes = Vector128.Load(blocks + 4);
            var low = codes & Vector128.Create((byte)15);
            var high = codes >>> 4;
            (d * Lanes.Low(low) + m).Store(destination);
            (d * Lanes.High(low) + m).Store(destination + 8);
            (d * Lanes.Low(high) + m).Store(destination + 16);
            (d * Lanes.High(high) + m).Store(destination + 24);
        }
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        for (var block = 0; block < count; block++, source += 32, destination += 20)
        {
            var (min, max) = Rounding.Range(source, 32);
            var d = (max - min) / 15;
            var inverse = d != 0 ? 1 / d : 0;
            Lanes.StoreHalf(destination, d);
            Lanes.StoreHalf(destination + 2, min);
            for (var j = 0; j < 16; j++)
            {
                var low = Math.Min(15, (int)((source[j] - min) * inverse + 0.5f));
                var high = Math.Min(15, (int)((source[j + 16] - min) * inverse + 0.5f));
                destination[4 + j] = (byte)(low | (high << 4));
            }
        }
    }
}
