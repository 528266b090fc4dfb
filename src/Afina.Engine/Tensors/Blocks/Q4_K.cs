using System.Runtime.Intrinsics;

namespace Afina.Engine.Tensors.Blocks;

/// <summary>GGUF Q4_K: d f16, dmin f16, 12 bytes of <see cref="SixBitScales"/>, 128 bytes of codes (32 in the low halves of 32 bytes,
/// the next 32 in their high halves); sub-blocks of 32, value d·scale·q − dmin·minimum.</summary>
internal sealed unsafe class Q4_K : PackedFormat
{
    public override string Name => "Q4_K";

    public override int BlockElements => 256;

    public override int BlockBytes => 144;

    public override int GgmlType => 12;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination)
    {
        for (var block = 0; block < count; block++, blocks += 144)
        {
            var (d, dMin) = (Lanes.Half(blocks), Lanes.Half(blocks + 2));
            for (var s = 0; s < 8; s++, destination += 32)
            {
                var (scaleCode, minCode) = SixBitScales.Read(blocks + 4, s);
                var scale = Vector256.Create(d * scaleCode);
                var minimum = Vector256.Create(dMin * minCode);
                var from = blocks + 16 + 32 * (s / 2);
                for (var j = 0; j < 32; j += 16)
                {
                    var bytes = Vector128.Load(from + j);
                    var codes = s % 2 == 0 ? bytes & Vector128.Create((byte)15) : bytes >>> 4;
                    (scale * Lanes.Low(codes) - minimum).Store(destination + j);
                    (scale * Lanes.High(codes) - minimum).Store(destination + j + 8);
                }
            }
        }
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        var codes = stackalloc byte[256];
        for (var block = 0; block < count; block++, source += 256, destination += 144)
        {
            SixBitScales.Encode(source, 15, -1, 20, destination, codes);
            for (var j = 0; j < 128; j++)
            {
                var at = j / 32 * 64 + j % 32;
                destination[16 + j] = (byte)(codes[at] | (codes[at + 32] << 4));
            }
        }
    }
}
