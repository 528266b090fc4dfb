namespace Afina.Engine.Tensors.Blocks;

/// <summary>bitsandbytes' LLM.int8 weights: signed codes, one absolute maximum per row (in <see cref="BlockScales"/>, whose block is a
/// row); value code·absmax/127.</summary>
internal sealed unsafe class Int8Rows : BlockFormat
{
    private const float Inverse127 = 0.007874015718698502f;

    public override string Name => "INT8";

    public override int BlockElements => 1;

    public override int BlockBytes => 1;

    public override void Decode(byte* data, BlockScales? scales, long start, int count, float* destination)
    {
        ArgumentNullException.ThrowIfNull(scales);
        var end = start + count;
        while (start < end)
        {
            var (row, within) = Math.DivRem(start, scales.BlockSize);
            var part = (int)Math.Min(end - start, scales.BlockSize - within);
            var scale = scales.Scale(row);
            for (var i = 0; i < part; i++)
                destination[i] = ((sbyte*)data)[start + i] * scale * Inverse127;
            start += part;
            destination += part;
        }
    }
}
