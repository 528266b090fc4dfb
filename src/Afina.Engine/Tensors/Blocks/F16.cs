using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

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
        var i = 0;
        for (; i <= count - 16; i += 16)
        {
            var halves = Vector256.Load((ushort*)(blocks + 2L * i));
            Widen(Vector256.WidenLower(halves)).Store(destination + i);
            Widen(Vector256.WidenUpper(halves)).Store(destination + i + 8);
        }

        for (; i < count; i++)
            destination[i] = (float)Unsafe.ReadUnaligned<Half>(blocks + 2L * i);
    }

    protected override void EncodeBlocks(float* source, int count, byte* destination)
    {
        for (var i = 0; i < count; i++)
            Unsafe.WriteUnaligned(destination + 2L * i, (Half)source[i]);
    }

    // Shifted into place, exponent and fraction are the value times 2^-112, subnormal halves included; infinities and NaN need the top exponent.
    private static Vector256<float> Widen(Vector256<uint> halves)
    {
        var magnitude = (halves & Vector256.Create(0x7FFFu)) << 13;
        var scaled = (magnitude.AsSingle() * Vector256.Create(5.192296858534828e33f)).AsUInt32();
        var special = Vector256.GreaterThan(magnitude, Vector256.Create(0x0F7F_FFFFu)) & Vector256.Create(0x7F80_0000u);
        return (scaled | special | ((halves & Vector256.Create(0x8000u)) << 16)).AsSingle();
    }
}
