using Xunit;

namespace Afina.Tests;

public sealed class NearestNameTests
{
    [Theory]
    [InlineData("q_porj", "q_proj")]
    [InlineData("Q-PROJ", "q_proj")]
    [InlineData("dwon_proj", "down_proj")]
    [InlineData("completely_else", null)]
    public void FindsWhatAMisspeltNameWasMeantToBe(string name, string? expected) =>
        Assert.Equal(expected, NearestName.Find(name, ["k_proj", "q_proj", "v_proj", "down_proj"]));

    [Fact]
    public void ASwapOfNeighboursIsOneEdit() => Assert.Equal(1, NearestName.Edits("porj", "proj"));
}
