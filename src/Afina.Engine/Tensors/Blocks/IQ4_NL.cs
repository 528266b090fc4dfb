namespace Afina.Engine.Tensors.Blocks;

/// <summary>GGUF IQ4_NL: d f16, 16 bytes of codes placed as in Q4_0; value d·<see cref="Iq4.Values"/>[q].</summary>
internal sealed unsafe class IQ4_NL : PackedFormat
{
    public override string Name => "IQ4_NL";

    public override int BlockElements => 32;

    public override int BlockBytes => 18;

    public override int GgmlType => 20;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination)
    {
        for (var block = 0; block < count; block++, blocks += 18, destination += 32)
            Iq4.Unpack(blocks + 2, Lanes.Half(blocks), destination);
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        for (var block = 0; block < count; block++, source += 32, destination += 18)
        {
            var d = Iq4.Scale(source);
            Lanes.StoreHalf(destination, d);
            Iq4.Pack(source, d != 0 ? 1 / d : 0, destination + 2);
        }
    }
}
