using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Afina.Engine.Tensors.Blocks;

/// <summary>bitsandbytes' 4-bit formats: codes of 16 values, the first of a pair in the high half of its byte; blocks of the flattened
/// tensor share an absolute maximum, kept apart in <see cref="BlockScales"/>; value map[code]·absmax.</summary>
public abstract unsafe class FourBitFormat : BlockFormat
{
    /// <inheritdoc/>
    public sealed override int BlockElements => 2;

    /// <inheritdoc/>
    public sealed override int BlockBytes => 1;

    /// <summary>The 16 values that a code stands for, from -1 to 1.</summary>
    public abstract ReadOnlySpan<float> Map { get; }

    /// <inheritdoc/>
    public sealed override void Decode(byte* data, BlockScales? scales, long start, int count, float* destination)
    {
        ArgumentNullException.ThrowIfNull(scales);
        var values = stackalloc float[16];
        var end = start + count;
        while (start < end)
        {
            var (block, within) = Math.DivRem(start, scales.BlockSize);
            var part = (int)Math.Min(end - start, scales.BlockSize - within);
            var scale = scales.Scale(block);
            for (var code = 0; code < 16; code++)
                values[code] = scales.Map[code] * scale;
            Look(data, start, part, values, destination);
            start += part;
            destination += part;
        }
    }

    private static void Look(byte* data, long start, int count, float* values, float* destination)
    {
        var i = 0;
        if ((start & 1) != 0 && count > 0)
            destination[i++] = values[data[start >> 1] & 15];
        var bytes = data + ((start + i) >> 1);
        if (Avx2.IsSupported)
        {
            var (lower, upper) = (Vector256.Load(values), Vector256.Load(values + 8));
            for (; i <= count - 16; i += 16, bytes += 8)
            {
                var pairs = Vector128.CreateScalarUnsafe(*(ulong*)bytes).AsByte();
                var codes = Sse2.UnpackLow(pairs >>> 4, pairs & Vector128.Create((byte)15));
                Pick(lower, upper, Avx2.ConvertToVector256Int32(codes)).Store(destination + i);
                Pick(lower, upper, Avx2.ConvertToVector256Int32(Sse2.ShiftRightLogical128BitLane(codes, 8))).Store(destination + i + 8);
            }
        }

        for (; i <= count - 2; i += 2, bytes++)
        {
            destination[i] = values[*bytes >> 4];
            destination[i + 1] = values[*bytes & 15];
        }

        if (i < count)
            destination[i] = values[*bytes >> 4];
    }

    private static Vector256<float> Pick(Vector256<float> lower, Vector256<float> upper, Vector256<int> codes) => Avx.BlendVariable(
        Avx2.PermuteVar8x32(lower, codes),
        Avx2.PermuteVar8x32(upper, codes),
        (codes << 28).AsSingle());
}
