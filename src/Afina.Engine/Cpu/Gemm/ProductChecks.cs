using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Refuses products whose shapes do not fit together, before a kernel touches memory.</summary>
internal static unsafe class ProductChecks
{
    /// <exception cref="ArgumentException">Says which operand does not fit.</exception>
    public static void Validate(ProductSpec spec)
    {
        Require(spec.Rows > 0, $"a product has {spec.Rows} rows");
        Require(spec.Outputs.Count > 0 && spec.Lefts.Count > 0, "a product has no operands");
        Require(spec.Counted == CountedDimension.Rows || (spec.Lefts.All(l => l.Inner == spec.Lefts[0].Inner) && spec.Outputs.All(o => o.Terms.Count == 1)),
            "sums over counted rows have one term each, over the same rows");
        foreach (var left in spec.Lefts)
        {
            Require(left.Inner > 0, $"a left operand has {left.Inner} columns");
            Fits(left.Operand, spec.Rows, left.Inner, "left");
        }

        foreach (var output in spec.Outputs)
        {
            Require(output.Columns > 0 && output.Terms.Count > 0, "an output has no columns or no terms");
            Require(output.Type is DType.F32 or DType.BF16, $"an output is F32 or BF16, not {output.Type}");
            Require(output.Data is not null, "an output has no memory");
            Require(output.Stride >= (output.IsTransposed ? spec.Rows : output.Columns), $"an output's stride {output.Stride} is shorter than its row");
            Require(!output.IsTransposed || output.Residual is null, "a transposed output takes no residual");
            if (output.Residual is { } residual)
            {
                Require(residual.Weight is null && !residual.IsTransposed, "a residual is plain memory");
                Fits(residual, spec.Rows, output.Columns, "residual");
            }

            foreach (var term in output.Terms)
            {
                Require((uint)term.Left < (uint)spec.Lefts.Count, $"a term names left operand {term.Left} of {spec.Lefts.Count}");
                Fits(term.Right, spec.Lefts[term.Left].Inner, output.Columns, "right");
            }
        }
    }

    private static void Fits(Operand operand, int rows, int columns, string side)
    {
        var (storedRows, storedColumns) = operand.IsTransposed ? (columns, rows) : (rows, columns);
        if (operand.Weight is { } weight)
        {
            Require(weight.Rows == storedRows && weight.Columns == storedColumns,
                $"{weight.Name} is [{weight.Rows}, {weight.Columns}], but the {side} operand is [{storedRows}, {storedColumns}]");
            return;
        }

        Require(operand.Data is not null, $"the {side} operand has no memory");
        Require(operand.Stride >= storedColumns, $"the {side} operand's stride {operand.Stride} is shorter than its {storedColumns} columns");
    }

    private static void Require(bool condition, string problem)
    {
        if (!condition)
            throw new ArgumentException(problem);
    }
}
