using Afina.Adapters;
using Xunit;

namespace Afina.Tests.Adapters;

public sealed class TrainableParametersTests
{
    [Theory]
    [InlineData(294_912, 125_534_208, "trainable params: 294,912 || all params: 125,534,208 || trainable%: 0.2349")]
    [InlineData(0, 0, "trainable params: 0 || all params: 0 || trainable%: 0.0000")]
    [InlineData(1, 3200, "trainable params: 1 || all params: 3,200 || trainable%: 0.0312")]
    [InlineData(3, 3200, "trainable params: 3 || all params: 3,200 || trainable%: 0.0938")]
    public void TheLineIsThatOfPeft(long trainable, long all, string expected) => Assert.Equal(expected, TrainableParameters.Line(trainable, all));
}
