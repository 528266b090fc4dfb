namespace Afina.Engine.Cpu.Gemm;

/// <summary>Turns a tall and narrow gradient (dB = dYᵀ U) into its transpose (Uᵀ dY), which fills the kernel's columns and packs the
/// large operand in the cheap direction.</summary>
internal static class ProductTransposition
{
    private const int NarrowColumns = 64;

    /// <summary>The transposed product where it pays; otherwise the same.</summary>
    public static ProductSpec Apply(ProductSpec spec)
    {
        if (spec.Counted != CountedDimension.Inner || spec.Outputs is not [var output] || output.Terms is not [var term])
            return spec;
        if (output.Columns > NarrowColumns || spec.Rows <= output.Columns || HasExtras(output))
            return spec;
        var left = spec.Lefts[term.Left];
        return spec with
        {
            Rows = output.Columns,
            Lefts = [new ProductLeft(term.Right.Transposed, left.Inner)],
            Outputs =
            [
                Transpose(output, spec.Rows, new ProductTerm(0, left.Operand.Transposed)),
            ],
        };
    }

    private static unsafe bool HasExtras(ProductOutput output) => output.Bias is not null || output.ColumnScale is not null || output.Residual is not null;

    private static unsafe ProductOutput Transpose(ProductOutput output, int columns, ProductTerm term) => new()
    {
        Data = output.Data,
        Type = output.Type,
        Stride = output.Stride,
        Columns = columns,
        Terms = [term],
        Beta = output.Beta,
        Scale = output.Scale,
        IsTransposed = !output.IsTransposed,
    };
}
