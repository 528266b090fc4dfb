using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Afina.Models;
using Xunit;

namespace Afina.Tests.Models;

public sealed unsafe class WeightConversionTests
{
    [Fact]
    public void Converted_matrices_lie_side_by_side_and_hold_the_rounded_values()
    {
        var model = TwoLayerModel.Create();
        var converted = new WeightConversion(WeightFormat.Bf16).Apply(model).Weights.All.Values.Where(w => w.Rows > 1).OrderBy(w => (nint)w.Data).ToArray();
        Assert.True(converted.Length > 10);
        for (var i = 0; i < converted.Length; i++)
        {
            var weight = converted[i];
            Assert.Equal(BlockFormats.BF16, weight.Format);
            Assert.Equal(0, (nint)weight.Data % 64);
            if (i > 0)
                Assert.InRange(weight.Data - (converted[i - 1].Data + converted[i - 1].Bytes), 0, 63);
            var (expected, actual) = (new float[weight.Count], new float[weight.Count]);
            model.Weights.All[weight.Name].Decode(0, expected);
            weight.Decode(0, actual);
            Assert.Equal(expected.Select(value => BFloat16.ToSingle(BFloat16.FromSingle(value))), actual);
        }
    }
}
