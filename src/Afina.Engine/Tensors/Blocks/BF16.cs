using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Afina.Engine.Tensors.Blocks;

/// <summary>bfloat16: the upper halves of 32-bit floats.</summary>
internal sealed unsafe class BF16 : PackedFormat
{
    public override string Name => "BF16";

    public override int BlockElements => 1;

    public override int BlockBytes => 2;

    public override int GgmlType => 30;

    protected override void DecodeBlocks(byte* blocks, int count, float* destination)
    {
        var i = 0;
        for (; Vector128.IsHardwareAccelerated && i <= count - 16; i += 16)
        {
            var halves = Vector256.Load((ushort*)(blocks + 2L * i));
            (Vector256.WidenLower(halves) << 16).AsSingle().Store(destination + i);
            (Vector256.WidenUpper(halves) << 16).AsSingle().Store(destination + i + 8);
        }

        for (; i < count; i++)
            destination[i] = BFloat16.ToSingle(Unsafe.ReadUnaligned<ushort>(blocks + 2L * i));
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        var i = 0;
        for (; Vector128.IsHardwareAccelerated && i <= count - 16; i += 16)
            Vector256.Narrow(Rounded(Vector256.Load(source + i)), Rounded(Vector256.Load(source + i + 8))).Store((ushort*)(destination + 2L * i));
        for (; i < count; i++)
            Unsafe.WriteUnaligned(destination + 2L * i, BFloat16.FromSingle(source[i]));
    }

    private static Vector256<uint> Rounded(Vector256<float> values)
    {
        var bits = values.AsUInt32();
        var upper = bits >>> 16;
        var rounded = (bits + Vector256.Create(0x7FFFu) + (upper & Vector256<uint>.One)) >>> 16;
        return Vector256.ConditionalSelect(Vector256.IsNaN(values).AsUInt32(), upper | Vector256.Create(0x40u), rounded);
    }
}
