using System.Runtime.Intrinsics;

namespace Afina.Engine.Tensors.Blocks;

/// <summary>GGUF Q4_0: d f16, 16 bytes of codes (element j in the low half of byte j, j + 16 in the high half); value d·(q − 8).</summary>
internal sealed unsafe class Q4_0 : PackedFormat
{
    public override string Name => "Q4_0";

    public override int BlockElements => 32;

    public override int BlockBytes => 18;

    public override int GgmlType => 2;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination)
    {
        var eight = Vector256.Create(8f);
        for (var block = 0; block < count; block++, blocks += 18, destination += 32)
        {
            if (!Vector128.IsHardwareAccelerated)
            {
                // −0 leaves every number as it is, −0 too.
                Lanes.Nibbles(blocks + 2, Lanes.Half(blocks), 8, -0f, destination);
                continue;
            }

            var d = Vector256.Create(Lanes.Half(blocks));
            var codes = Vector128.Load(blocks + 2);
            var low = codes & Vector128.Create((byte)15);
            var high = codes >>> 4;
            (d * (Lanes.Low(low) - eight)).Store(destination);
            (d * (Lanes.High(low) - eight)).Store(destination + 8);
            (d * (Lanes.Low(high) - eight)).Store(destination + 16);
            (d * (Lanes.High(high) - eight)).Store(destination + 24);
        }
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        for (var block = 0; block < count; block++, source += 32, destination += 18)
        {
            var d = Rounding.SignedLargest(source, 32) / -8;
            var inverse = d != 0 ? 1 / d : 0;
            Lanes.StoreHalf(destination, d);
            for (var j = 0; j < 16; j++)
            {
                var low = Math.Min(15, (int)(source[j] * inverse + 8.5f));
                var high = Math.Min(15, (int)(source[j + 16] * inverse + 8.5f));
                destination[2 + j] = (byte)(low | (high << 4));
            }
        }
    }
}
