namespace Afina.Engine.Tensors.Blocks;

/// <summary>bitsandbytes' dynamic 8-bit map: 256 values whose spacing grows with their magnitude (Dettmers 2016), used for scales of
/// scales and for optimizer states.</summary>
public sealed class DynamicMap
{
    private readonly float[] _values;
    private readonly double[] _midpoints;
    private readonly Lazy<byte[]> _starts;

    /// <summary>A map of 256 ascending values.</summary>
    public DynamicMap(float[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Length != 256)
            throw new ArgumentException($"a map has 256 values, not {values.Length}", nameof(values));
        _values = values;
        _midpoints = new double[256];
        for (var i = 0; i < 255; i++)
            _midpoints[i] = ((double)values[i] + values[i + 1]) / 2;
        _midpoints[255] = double.PositiveInfinity;
        _starts = new Lazy<byte[]>(Starts);
    }

    /// <summary>-0.993 to 1, with 0 at 127.</summary>
    public static DynamicMap Signed { get; } = new(Make(signed: true));

    /// <summary>0 to 1.</summary>
    public static DynamicMap Unsigned { get; } = new(Make(signed: false));

    /// <summary>The values, ascending.</summary>
    public ReadOnlySpan<float> Values => _values;

    /// <summary>The values as an array of their own.</summary>
    public float[] ToArray() => [.. _values];

    /// <summary>The code of the nearest value; of two that are equally near, the lower.</summary>
    public byte Nearest(float value)
    {
        var midpoints = _midpoints;
        var code = 0;
        for (var step = 128; step > 0; step >>= 1)
        {
            if (value > midpoints[code + step - 1])
                code += step;
        }

        return (byte)code;
    }

    /// <summary>Stores values as codes of value/absmax, block by block; a block of zeros has an absmax of 0.</summary>
    public void Quantize(ReadOnlySpan<float> source, int blockSize, Span<byte> codes, Span<float> absMax)
    {
        var starts = _starts.Value;
        for (var (start, block) = (0, 0); start < source.Length; start += blockSize, block++)
        {
            var part = source.Slice(start, Math.Min(blockSize, source.Length - start));
            var largest = 0f;
            foreach (var value in part)
                largest = MathF.Max(largest, MathF.Abs(value));
            absMax[block] = largest;
            for (var i = 0; i < part.Length; i++)
            {
                var value = largest > 0 ? part[i] / largest : 0;
                int code = starts[BitConverter.SingleToUInt32Bits(value) >> 16];
                while (value > _midpoints[code])
                    code++;
                codes[start + i] = (byte)code;
            }
        }
    }

    /// <summary>As <see cref="Quantize"/>, but with the codes of bitsandbytes 0.50's CPU library, which rounds value/absmax to one of 65,536
    /// points first and gives a point the code nearest to it.</summary>
    internal void QuantizeCoarsely(ReadOnlySpan<float> source, int blockSize, Span<byte> codes, Span<float> absMax)
    {
        const int Points = 1 << 16;
        Quantize(source, blockSize, codes, absMax);
        for (var i = 0; i < source.Length; i++)
        {
            var inverse = 1 / absMax[i / blockSize];
            var point = (int)((Math.Clamp(source[i] * inverse, -1, 1) + 1) * 0.5f * (Points - 1) + 0.5f);
            if (float.IsFinite(inverse))
                codes[i] = Nearest(-1 + 2f * point / (Points - 1));
        }
    }

    /// <summary>Widens codes: value[code]·absmax.</summary>
    public void Dequantize(ReadOnlySpan<byte> codes, int blockSize, ReadOnlySpan<float> absMax, Span<float> destination)
    {
        for (var i = 0; i < codes.Length; i++)
            destination[i] = _values[codes[i]] * absMax[i / blockSize];
    }

    // For the upper half of a float's bits, the code of the lowest float that has it: the right code is this or hardly ever more than one above.
    private byte[] Starts()
    {
        var starts = new byte[1 << 16];
        for (var upper = 0u; upper < starts.Length; upper++)
        {
            var value = BitConverter.UInt32BitsToSingle((upper << 16) | (upper >= 0x8000 ? 0xFFFFu : 0));
            starts[upper] = float.IsNaN(value) ? (byte)0 : Nearest(value);
        }

        return starts;
    }

    // Seven decades from 1e-6 to 1; each is cut, between a tenth of it and the whole, into twice as many intervals as the one below, whose
    // midpoints are the values. The fused steps are torch.linspace's, so the bits are those of bitsandbytes on current builds of torch.
    private static float[] Make(bool signed)
    {
        float[] decades = [1e-6f, 1e-5f, 1e-4f, 1e-3f, 1e-2f, 1e-1f, 1f];
        var values = new List<float>(256) { 0, 1 };
        for (var i = 0; i < 7; i++)
        {
            var points = (signed ? 1 << i : 2 << i) + 1;
            var step = (1f - 0.1f) / (points - 1);
            for (var k = 0; k < points - 1; k++)
            {
                var value = decades[i] * ((Point(k) + Point(k + 1)) / 2);
                values.Add(value);
                if (signed)
                    values.Add(-value);
            }

            float Point(int k) => k < points / 2
                ? MathF.FusedMultiplyAdd(step, k, 0.1f)
                : MathF.FusedMultiplyAdd(-step, points - 1 - k, 1f);
        }

        values.Sort();
        return [.. values];
    }
}
