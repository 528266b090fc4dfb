using System.Runtime.Intrinsics;

namespace Afina.Engine.Tensors.Blocks;

/// <summary>GGUF Q8_0: d f16, 32 signed codes; value d·q.</summary>
internal sealed unsafe class Q8_0 : PackedFormat
{
    public override string Name => "Q8_0";

    public override int BlockElements => 32;

    public override int BlockBytes => 34;

    public override int GgmlType => 8;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination)
    {
        for (var block = 0; block < count; block++, blocks += 34, destination += 32)
        {
            var d = Lanes.Half(blocks);
            for (var j = 0; Vector128.IsHardwareAccelerated && j < 32; j += 8)
                (d * Lanes.Signed(blocks + 2 + j)).Store(destination + j);
            for (var j = 0; !Vector128.IsHardwareAccelerated && j < 32; j++)
                destination[j] = d * ((sbyte*)blocks)[2 + j];
        }
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        for (var block = 0; block < count; block++, source += 32, destination += 34)
        {
            var largest = 0f;
            for (var j = 0; j < 32; j++)
                largest = MathF.Max(largest, MathF.Abs(source[j]));
            var d = largest / 127;
            var inverse = d != 0 ? 1 / d : 0;
            Lanes.StoreHalf(destination, d);
            for (var j = 0; j < 32; j++)
                ((sbyte*)destination)[2 + j] = (sbyte)MathF.Round(source[j] * inverse, MidpointRounding.AwayFromZero);
        }
    }
}
