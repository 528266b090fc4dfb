using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Xunit;

namespace Afina.Tests.Tensors.Blocks;

public sealed unsafe class WeightTests
{
    [Fact]
    public void Rows_take_another_order_and_a_vectors_elements_too()
    {
        var matrix = Make(BlockFormats.Q8_0, 3, 32);
        var moved = matrix.Reordered("moved", [2, 0, 1]);
        Assert.Equal(("moved", 3, 32), (moved.Name, moved.Rows, moved.Columns));
        Assert.Equal([.. Values(matrix)[64..], .. Values(matrix)[..64]], Values(moved));
        Assert.Equal([2f, 0, 1], Values(Make(BlockFormats.F32, 1, 3).Reordered("v", [2, 0, 1])));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.Reordered("bad", [0, 1, 3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.Reordered("bad", [0, 1]));
    }

    [Fact]
    public void Rows_that_share_blocks_cannot_be_moved()
    {
        var weight = FourBitQuantizer.Quantize(Make(BlockFormats.F32, 3, 32), BlockFormats.NF4);
        Assert.Throws<InvalidOperationException>(() => weight.Reordered("moved", [2, 0, 1]));
        Assert.Equal("other", weight.Renamed("other").Name);
        Assert.Equal(Values(weight), Values(weight.Renamed("other")));
    }

    [Fact]
    public void Fewer_bytes_or_scales_than_the_elements_need_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Weight.Of("w", BlockFormats.Q4_1, 2, 32, new NativeBuffer(39)));
        var codes = new NativeBuffer(64);
        Assert.Throws<ArgumentException>(() => new Weight("w", BlockFormats.NF4, 2, 64, codes.Pointer, 64, codes, BlockScales.Plain(64, [1], BlockFormats.NF4.Map.ToArray())));
        Assert.Throws<ArgumentOutOfRangeException>(() => Make(BlockFormats.F32, 1, 3).Decode(1, new float[3]));
    }

    private static Weight Make(BlockFormat format, int rows, int columns)
    {
        var values = new float[rows * columns];
        for (var i = 0; i < values.Length; i++)
            values[i] = i;
        var buffer = new NativeBuffer(format.BytesFor(values.Length));
        format.Encode(values, buffer.Span<byte>((int)buffer.Length));
        return Weight.Of("w", format, rows, columns, buffer);
    }

    private static float[] Values(Weight weight)
    {
        var values = new float[weight.Count];
        weight.Decode(0, values);
        return values;
    }
}
