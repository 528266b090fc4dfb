using Afina.Engine.Cpu;
using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Xunit;

namespace Afina.Tests.Engine.Cpu.Gemm;

public sealed unsafe class FewRowsProductTests
{
    private const int Inputs = 512;
    private const int Outputs = 19;

    public static TheoryData<string> IntegerFormats() => ["Q4_0", "Q4_1", "Q8_0"];

    [Theory]
    [MemberData(nameof(IntegerFormats))]
    public void Activations_keep_their_digits_beside_far_larger_ones(string format)
    {
        foreach (var (mode, kernel) in ProductHarness.Variants())
        {
            using var harness = new ProductHarness(5);
            var (weight, decoded) = Random(harness, format);
            var x = harness.Random(4, Inputs, DType.F32);
            for (var i = 0; i < x.Rows; i++)
            {
                // Within a block from 2^-24 up to 1 times what the block is about: from 2^-60 to 2^60.
                for (var p = 0; p < Inputs; p++)
                    x.Set(i, p, x[i, p] * MathF.ScaleB(1, (p / 32 * 8) - 60 - harness.Next(0, 25)));
            }

            var y = Multiply(harness, weight, x, mode, kernel);
            for (var i = 0; i < x.Rows; i++)
            {
                for (var j = 0; j < Outputs; j++)
                {
                    double sum = 0, allowed = 0;
                    for (var block = 0; block < Inputs; block += 32)
                    {
                        double most = 0, weights = 0;
                        for (var p = block; p < block + 32; p++)
                        {
                            var (left, right) = ((double)ProductHarness.Rounded(x[i, p], mode), (double)decoded[j, p]);
                            sum += left * right;
                            allowed += 1e-5 * Math.Abs(left * right);
                            (most, weights) = (Math.Max(most, Math.Abs(left)), weights + Math.Abs(right));
                        }

                        // What is too small for its block is off by 1/32768 of the largest at most.
                        allowed += most * weights / 32768;
                    }

                    Assert.True(Math.Abs(sum - y[i, j]) <= allowed, $"{mode}/{kernel.Name} [{i},{j}]: {y[i, j]} is not {sum} +- {allowed}");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(IntegerFormats))]
    public void What_is_not_a_number_stays_seen_and_nothing_stays_zero(string format)
    {
        foreach (var (mode, kernel) in ProductHarness.Variants())
        {
            using var harness = new ProductHarness(6);
            var (weight, _) = Random(harness, format);
            var x = harness.Random(4, Inputs, DType.F32);
            x.Set(0, 40, float.NaN);
            x.Set(1, 70, float.PositiveInfinity);
            for (var p = 0; p < Inputs; p++)
                x.Set(2, p, p % 2 == 0 ? 0f : -0f);
            for (var p = 0; p < Inputs; p++)
                x.Set(3, p, 1e-39f);
            var y = Multiply(harness, weight, x, mode, kernel);
            for (var j = 0; j < Outputs; j++)
            {
                Assert.False(float.IsFinite(y[0, j]), $"{mode}/{kernel.Name}: {y[0, j]} of a NaN");
                Assert.False(float.IsFinite(y[1, j]), $"{mode}/{kernel.Name}: {y[1, j]} of an infinity");
                Assert.Equal(0, y[2, j]);
                Assert.InRange(y[3, j], -1e-35f, 1e-35f);
            }
        }
    }

    [Fact]
    public void With_avx2_a_row_comes_out_the_same_whatever_is_beside_it()
    {
        Assert.SkipUnless(CpuFeatures.Avx2, "this processor has no AVX2");
        foreach (var mode in Enum.GetValues<ComputeMode>())
        {
            var kernel = MicroKernels.For(mode, "avx2");
            foreach (var format in BlockFormats.Ggml.Select(f => f.Name))
            {
                using var harness = new ProductHarness(7);
                var (weight, _) = Random(harness, format);
                var x = harness.Random(4, Inputs, DType.F32);
                var together = Multiply(harness, weight, x, mode, kernel);
                for (var rows = 1; rows < 4; rows++)
                {
                    var y = Multiply(harness, weight, x with { Rows = rows }, mode, kernel);
                    for (var i = 0; i < rows; i++)
                    {
                        for (var j = 0; j < Outputs; j++)
                            Assert.Equal(together[i, j], y[i, j]);
                    }
                }
            }
        }
    }

    private static ProductHarness.Matrix Multiply(ProductHarness harness, Weight weight, ProductHarness.Matrix x, ComputeMode mode, MicroKernel kernel)
    {
        var y = new ProductHarness.Matrix(harness.Allocate((long)x.Rows * Outputs * sizeof(float)), DType.F32, x.Rows, Outputs, Outputs);
        var spec = new ProductSpec(mode, x.Rows, [new ProductLeft(x.Operand, Inputs)],
            [new ProductOutput { Data = y.Data, Type = DType.F32, Stride = y.Stride, Columns = Outputs, Terms = [new ProductTerm(0, Operand.Of(weight).Transposed)] }]);
        harness.Run(new MatrixProduct(spec, kernel), x.Rows);
        return y;
    }

    private static (Weight Weight, float[,] Decoded) Random(ProductHarness harness, string name)
    {
        var format = BlockFormats.Ggml.First(f => f.Name == name);
        var values = Enumerable.Range(0, Outputs * Inputs).Select(_ => (harness.Next(0, 2001) - 1000) / 1000f).ToArray();
        var bytes = (long)values.Length / format.BlockElements * format.BlockBytes;
        var data = harness.Allocate(bytes);
        format.Encode(values, new Span<byte>(data, (int)bytes));
        var weight = new Weight("w", format, Outputs, Inputs, data, bytes, harness);
        weight.Decode(0, values);
        var decoded = new float[Outputs, Inputs];
        Buffer.BlockCopy(values, 0, decoded, 0, values.Length * sizeof(float));
        return (weight, decoded);
    }
}
