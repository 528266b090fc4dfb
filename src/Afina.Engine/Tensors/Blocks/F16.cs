using System.Runtime.CompilerServices;

namespace Afina.Engine.Tensors.Blocks;

/// <summary>IEEE 16-bit floats.</summary>
internal sealed unsafe class F16 : PackedFormat
{
    public override string Name => "F16";

    public override int BlockElements => 1;

    public override int BlockBytes => 2;

    public override int GgmlType => 1;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination)
    {
        for (var i = 0; i < count; i++)
            destination[i] = (float)Unsafe.ReadUnaligned<Half>(blocks + 2L * i);
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        for (var i = 0; i < count; i++)
            Unsafe.WriteUnaligned(destination + 2L * i, (Half)source[i]);
    }
}
