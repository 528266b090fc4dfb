namespace Afina.Engine.Tensors.Blocks;

/// <summary>32-bit floats.</summary>
internal sealed unsafe class F32 : PackedFormat
{
    public override string Name => "F32";

    public override int BlockElements => 1;

    public override int BlockBytes => 4;

    public override int GgmlType => 0;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination) =>
        Buffer.MemoryCopy(blocks, destination, 4L * count, 4L * count);

    protected override void EncodeBlocks(float* source, int count, byte* destination) =>
        Buffer.MemoryCopy(source, destination, 4L * count, 4L * count);
}
