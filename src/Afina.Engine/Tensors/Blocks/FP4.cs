namespace Afina.Engine.Tensors.Blocks;

/// <summary>bitsandbytes' 4-bit float: a sign and the magnitudes 0, 1/16, 8, 12, 4, 6, 2, 3, divided by 12.</summary>
internal sealed class FP4 : FourBitFormat
{
    public override string Name => "FP4";

    public override ReadOnlySpan<float> Map =>
    [
        0.0f, 0.0052083334885537624f, 0.6666666865348816f, 1.0f, 0.3333333432674408f, 0.5f, 0.1666666716337204f, 0.25f,
        -0.0f, -0.0052083334885537624f, -0.6666666865348816f, -1.0f, -0.3333333432674408f, -0.5f, -0.1666666716337204f, -0.25f,
    ];
}
