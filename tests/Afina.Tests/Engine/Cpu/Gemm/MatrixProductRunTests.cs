using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Cpu.Gemm;

public sealed unsafe partial class MatrixProductTests
{
    [Theory]
    [MemberData(nameof(Variants))]
    public void Plain_outputs_with_one_matrix_to_add_equal_the_oracle(string mode, string kernel)
    {
        // Whole groups of rows and ones that are padded, alone and after whole ones.
        foreach (var (rows, inner, columns) in new[] { (72, 70, 96), (72, 1500, 80), (61, 33, 100), (31, 5000, 112) })
        {
            foreach (var type in new[] { DType.F32, DType.BF16 })
            {
                foreach (var (beta, hasResidual) in new[] { (0f, false), (1f, false), (0f, true), (1f, true) })
                {
                    using var harness = new ProductHarness(16);
                    var x = harness.Random(rows, inner, DType.BF16);
                    var w = harness.Random(columns, inner, DType.BF16);
                    var residual = harness.Random(rows, columns, type);
                    var c = harness.Random(rows, columns, type);
                    var expected = new double[rows, columns];
                    for (var i = 0; i < rows; i++)
                    {
                        for (var j = 0; j < columns; j++)
                        {
                            expected[i, j] = beta * c[i, j] + (hasResidual ? residual[i, j] : 0);
                            for (var p = 0; p < inner; p++)
                                expected[i, j] += (double)x[i, p] * w[j, p];
                        }
                    }

                    var spec = new ProductSpec(Enum.Parse<ComputeMode>(mode), rows, [new ProductLeft(x.Operand, inner)],
                    [
                        new ProductOutput
                        {
                            Data = c.Data,
                            Type = type,
                            Stride = c.Stride,
                            Columns = columns,
                            Beta = beta,
                            Residual = hasResidual ? residual.Operand : null,
                            Terms = [new ProductTerm(0, w.Operand.Transposed)],
                        },
                    ]);
                    harness.Run(new MatrixProduct(spec, Kernel(mode, kernel)), rows, threads: 2);
                    for (var i = 0; i < rows; i++)
                    {
                        for (var j = 0; j < columns; j++)
                        {
                            var tolerance = 1e-6 * inner + (type == DType.BF16 ? Math.Abs(expected[i, j]) / 200 : 0);
                            Assert.True(Math.Abs(expected[i, j] - c[i, j]) <= tolerance, $"{type} beta {beta} residual {hasResidual} [{i},{j}] of {rows}x{columns}x{inner}: {c[i, j]} is not {expected[i, j]}");
                        }
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void A_run_allocates_nothing(string mode, string kernel)
    {
        using var harness = new ProductHarness(13);
        var x = harness.Random(60, 64, DType.F32);
        var w = harness.Random(96, 64, DType.F32);
        var c = harness.Random(60, 96, DType.BF16);
        var spec = new ProductSpec(Enum.Parse<ComputeMode>(mode), 60, [new ProductLeft(x.Operand, 64)],
            [new ProductOutput { Data = c.Data, Type = DType.BF16, Stride = c.Stride, Columns = 96, Terms = [new ProductTerm(0, w.Operand.Transposed)] }]);
        var product = new MatrixProduct(spec, Kernel(mode, kernel));
        foreach (var count in new[] { 60, 1 })
        {
            harness.Run(product, count);
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var phase = 0; phase < product.Phases; phase++)
            {
                for (var tile = 0; tile < product.Tiles(phase, count); tile++)
                    product.Run(phase, tile, count, 0);
            }

            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        using var harness = new ProductHarness(14);
        var x = harness.Random(4, 8, DType.F32);
        ProductSpec Spec(int inner, int stride, int left) => new(ComputeMode.Fp32, 4, [new ProductLeft(x.Operand, inner)],
            [new ProductOutput { Data = x.Data, Type = DType.F32, Stride = stride, Columns = 4, Terms = [new ProductTerm(left, x.Operand.Transposed)] }]);
        Assert.Contains("stride", Assert.Throws<ArgumentException>(() => new MatrixProduct(Spec(20, 4, 0))).Message, StringComparison.Ordinal);
        Assert.Contains("stride", Assert.Throws<ArgumentException>(() => new MatrixProduct(Spec(8, 3, 0))).Message, StringComparison.Ordinal);
        Assert.Contains("left operand 1", Assert.Throws<ArgumentException>(() => new MatrixProduct(Spec(8, 4, 1))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new MatrixProduct(Spec(8, 4, 0)).Tiles(0, 5));
    }
}
